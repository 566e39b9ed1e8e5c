"""Writes a model as a checkpoint folder, in each of the spellings that published checkpoints use."""

import json
import os

import torch
from safetensors.torch import load_file, save_file

from shapes import CheckpointShape

TORCH_TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
TYPE_NAMES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
CODEC_DECODER = ("codec_model.decoder.", "codec_model.decoder_transformer.", "codec_model.upsample.")


def _edit_json(path: str, edit) -> None:
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    edit(data)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, ensure_ascii=False)
        file.write("\n")


def _old_rope_spelling(config: dict) -> None:
    for part in (config, config["codec_config"]):
        part["rope_theta"] = part.pop("rope_parameters")["rope_theta"]


def _save_tensors(tensors: dict, folder: str, shards: int) -> None:
    if shards == 1:
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return
    names = sorted(tensors)
    files = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    weight_map = {}
    for i, file in enumerate(files):
        part = {name: tensors[name] for name in names[i::shards]}
        save_file(part, os.path.join(folder, file), metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}, file, indent=1)
        file.write("\n")


def save_checkpoint(model, processor, shape: CheckpointShape, folder: str) -> None:
    """`model` is f32; tensors are stored as `shape` says, the codec always in f32."""
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    path = os.path.join(folder, "model.safetensors")
    tensors = load_file(path)
    os.remove(path)
    stored = {}
    for name, tensor in tensors.items():
        if name.startswith(CODEC_DECODER) and not shape.keep_codec_decoder:
            continue
        if not name.startswith("codec_model."):
            tensor = tensor.to(TORCH_TYPES[shape.dtype])
            if shape.embeddings_f32 and ("embed_tokens" in name or name == "lm_head.weight"):
                tensor = tensor.float()
        stored[name] = tensor.contiguous()
    _save_tensors(stored, folder, shape.shards)

    def edit_config(config):
        config["dtype"] = TYPE_NAMES[shape.dtype]
        if shape.rope_spelling == "rope_theta":
            _old_rope_spelling(config)

    _edit_json(os.path.join(folder, "config.json"), edit_config)
    processor_path = os.path.join(folder, "processor_config.json")
    if shape.preprocessor == "preprocessor_config.json":
        processor.feature_extractor.save_pretrained(folder)
        _edit_json(processor_path, lambda config: config.pop("feature_extractor", None))
