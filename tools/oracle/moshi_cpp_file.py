"""The two GGUF files of Codes4Fun's repositories (specification 2.7)."""

import os
import zlib

import gguf
import numpy as np
import torch

LONGEST_NAME = 63  # ggml holds no longer one


def short_name(name: str) -> str:
    """A long name is replaced by the lower halves of the bytes of its CRC-32, lowest first, filled up to eight."""
    if len(name) <= LONGEST_NAME:
        return name
    crc = zlib.crc32(name.encode())
    return "".join(f"{(crc >> (8 * i)) & 0xF:x}" for i in range(8))


def _add(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor) -> None:
    if tensor.dtype == torch.bfloat16:
        raw = tensor.contiguous().view(torch.uint8).numpy()
        writer.add_tensor(short_name(name), raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
    else:
        writer.add_tensor(short_name(name), np.ascontiguousarray(tensor.numpy()))


def _write(tensors: dict[str, torch.Tensor], path: str) -> None:
    writer = gguf.GGUFWriter(path, arch="moshi")
    for name, tensor in tensors.items():
        _add(writer, name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _split_attention(name: str) -> str:
    return name.replace("in_proj_weight", "in_projs.0.weight").replace("out_proj.weight", "out_projs.0.weight")


def write_moshi_cpp(lm: dict, mimi: dict, config: dict, folder: str) -> None:
    decoder = {}
    for name, tensor in lm.items():
        tensor = tensor.flatten().float() if tensor.dim() == 3 else tensor
        decoder[f"lm.{_split_attention(name)}"] = tensor
    codec = {}
    for name, tensor in mimi.items():
        target = f"mimi.{_split_attention(name)}"
        if name.endswith("embedding_sum"):
            usage = mimi[name.replace("embedding_sum", "cluster_usage")]
            codec[target.replace("embedding_sum", "embedding")] = tensor / usage.clamp(min=1e-5)[:, None]
        elif name.endswith(("cluster_usage", "_initialized")):
            continue
        elif ".conv." in name and name.endswith(".weight"):
            codec[target] = tensor.half()
        else:
            codec[target] = tensor
    config["moshi_name"] = "model.gguf"
    config["mimi_name"] = "mimi-e351c8d8-125.gguf"
    _write(decoder, os.path.join(folder, config["moshi_name"]))
    _write(codec, os.path.join(folder, config["mimi_name"]))
