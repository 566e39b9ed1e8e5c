"""Writes a checkpoint of the exact shapes of stt-1b-en_fr-trfs or stt-2.6b-en-trfs, with random weights, in seconds.

    python make-full-size.py FOLDER --model 1b|2.6b [--embeddings bf16|f32] [--window N] [--without-codec-decoder]

For tests of loading, memory and speed: what such a model transcribes means nothing. Needs little memory: every tensor is
one block of random values, scaled, over and over from a different start.
"""

import argparse
import json
import math
import os
import struct
import time

import numpy as np

from full_size_shapes import (
    BF16,
    CARD,
    CODEBOOKS,
    F32,
    FFN,
    HIDDEN,
    MODELS,
    PAD_ROW,
    PUBLISHED_WINDOW,
    codec_decoder_tensors,
    codec_encoder_tensors,
    decoder_tensors,
)
from tokenizer import make_tokenizer

BLOCK = 1 << 20  # values
# Mean and spread of each kind; "linear" and "table" have spread 1 / sqrt(inputs), "table" ends in a row of zeros.
SPREADS = {"norm": (1.0, 0.1), "bias": (0.0, 0.1), "scale": (0.3, 0.05), "usage": (1.0, 0.0), "entries": (0.0, 1.0)}


class RandomValues:
    def __init__(self, seed: int):
        self.block = np.random.default_rng(seed).standard_normal(BLOCK, dtype=np.float32)
        self.start = 0

    def chunks(self, dtype: str, shape: tuple, kind: str):
        """The bytes of one tensor, piece by piece."""
        mean, spread = SPREADS.get(kind, (0.0, math.prod(shape[1:]) ** -0.5))
        values = (self.block * np.float32(spread) + np.float32(mean)).astype(np.float32)
        if dtype == BF16:
            values = _to_bf16(values)
        count = math.prod(shape) - (shape[-1] if kind == "table" else 0)
        # Starts that differ from tensor to tensor and from pass to pass, so that rows do not repeat in step.
        self.start = (self.start + 100_003) % (BLOCK // 2)
        position = self.start
        while count > 0:
            part = values[position : position + count]
            yield part.data
            count -= len(part)
            position = (position + 4099) % (BLOCK // 2)
        if kind == "table":
            yield np.zeros(shape[-1], dtype=values.dtype).data


def _to_bf16(values: np.ndarray) -> np.ndarray:
    """Rounded to nearest even, as uint16."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def write_safetensors(path: str, tensors: list, values: RandomValues) -> int:
    """Returns the size of the file."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape, _ in tensors:
        size = math.prod(shape) * (2 if dtype == BF16 else 4)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, dtype, shape, kind in tensors:
            for chunk in values.chunks(dtype, shape, kind):
                file.write(chunk)
        return file.tell()


def config_json(model: dict, window: int) -> dict:
    return {
        "architectures": ["KyutaiSpeechToTextForConditionalGeneration"],
        "model_type": "kyutai_speech_to_text",
        "attention_dropout": 0.0,
        "audio_bos_token_id": CARD,
        "audio_pad_token_id": PAD_ROW,
        "bos_token_id": 48000,
        "codebook_vocab_size": CARD + 1,
        "codec_config": {"model_type": "mimi", "frame_rate": 12.5, "rope_theta": 10000.0},
        "dtype": "bfloat16",
        "ffn_dim": FFN,
        "frame_size": 1920,
        "head_dim": HIDDEN // model["heads"],
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "max_position_embeddings": model["max_position"],
        "num_attention_heads": model["heads"],
        "num_codebooks": CODEBOOKS,
        "num_hidden_layers": model["layers"],
        "num_key_value_heads": model["heads"],
        "pad_token_id": 3,
        "rms_norm_eps": 1e-8,
        "rope_theta": 100000.0,
        "sliding_window": window,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": model["text"] + 1,
    }


def write_json_files(folder: str, model: dict, window: int) -> None:
    generation = {
        "audio_window_size": 1,
        "bos_token_id": 48000,
        "cache_implementation": "sliding_window",
        "codec_cache_implementation": "sliding_window",
        "codec_use_cache": True,
        "pad_token_id": 3,
    }
    preprocessor = {
        "audio_delay_seconds": model["delay"],
        "audio_silence_prefix_seconds": model["prefix"],
        "chunk_length_s": None,
        "feature_extractor_type": "KyutaiSpeechToTextFeatureExtractor",
        "feature_size": 1,
        "overlap": None,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "KyutaiSpeechToTextProcessor",
        "return_attention_mask": True,
        "sampling_rate": 24000,
    }
    for name, data in (
        ("config.json", config_json(model, window)),
        ("generation_config.json", generation),
        ("preprocessor_config.json", preprocessor),
    ):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
    make_tokenizer(model["text"]).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--embeddings", choices=["bf16", "f32"], default="f32", help="type of embeddings and head (published: f32)")
    parser.add_argument("--window", type=int, default=PUBLISHED_WINDOW, help="decoder window in steps (default: as published)")
    parser.add_argument("--without-codec-decoder", action="store_true", help="leave out what speech to text never reads")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.perf_counter()
    model = MODELS[arguments.model]
    tensors = [*decoder_tensors(model, BF16 if arguments.embeddings == "bf16" else F32), *codec_encoder_tensors()]
    if not arguments.without_codec_decoder:
        tensors += codec_decoder_tensors()
    os.makedirs(arguments.folder, exist_ok=True)
    size = write_safetensors(os.path.join(arguments.folder, "model.safetensors"), tensors, RandomValues(arguments.seed))
    write_json_files(arguments.folder, model, arguments.window)
    print(json.dumps({"folder": arguments.folder, "bytes": size, "tensors": len(tensors), "seconds": round(time.perf_counter() - started, 1)}))


if __name__ == "__main__":
    main()
