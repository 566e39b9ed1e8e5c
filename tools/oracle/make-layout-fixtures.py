"""Makes test/fixtures/layouts: two parity fixtures in every layout, and what the `moshi` package makes of one of them.

    python make-layout-fixtures.py [--out DIR]

test/fixtures/layouts/README.md says what is written. Needs requirements-layouts.txt.
"""

import argparse
import json
import os
import shutil
import tempfile

import torch
from safetensors.torch import save_file

from audio_signal import audio_signal
from fixture_list import ROOT
from layouts import decoder_tensors, read_checkpoint, write_layout
from mlx_file import dequantize, quantize
from moshi_stream import stream

SOURCES = {"f32": "plain-f32", "bf16": "bf16-mha"}
FOLDERS = {
    "original-f32": ("original", "f32"),
    "candle-f32": ("candle", "f32"),
    "moshi.cpp-f32": ("moshi.cpp", "f32"),
    "original-bf16": ("original", "bf16"),
    "mlx-bf16": ("mlx", "bf16"),
    "mlx-q8": ("mlx-q8", "bf16"),
    "mlx-q4": ("mlx-q4", "bf16"),
    "moshi.cpp-bf16": ("moshi.cpp", "bf16"),
}
# Beyond three of the codec's windows and two of the decoder's.
SEED, FRAMES = 11, 120
MIN_GAP = 1e-3
# Of the tensors that MLX packs, these are kept as MLX unpacks them.
UNPACKED = ("text_emb.weight", "transformer.layers.1.self_attn.in_proj_weight", "transformer.layers.2.gating.linear_out.weight")


def _moshi_results(tensors: dict, documents: dict, out: str) -> None:
    audio = audio_signal(SEED, FRAMES * 1920)
    with tempfile.TemporaryDirectory() as folder:
        write_layout(tensors, documents, "candle", folder, codec_decoder=True)
        result = stream(folder, audio)
    if result.token_gap < MIN_GAP:
        raise SystemExit(f"a token is decided by {result.token_gap:.1e} of the logits' spread; take another seed")
    document = {
        "seed": SEED,
        "frames": FRAMES,
        "closest_token_decision": result.token_gap,
        "codes": result.codes.tolist(),
        "tokens": result.tokens.tolist(),
        "heads": [[[round(float(p), 6) for p in head] for head in step] for step in result.heads],
    }
    with open(os.path.join(out, "moshi.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


def _mlx_results(tensors: dict, documents: dict, out: str) -> None:
    lm = decoder_tensors(tensors, documents["config"])
    kept = {
        f"q{bits}.{name}": dequantize(quantize(lm[name], bits), bits) for bits in (8, 4) for name in UNPACKED
    }
    save_file(kept, os.path.join(out, "mlx-unpacked.safetensors"))
    os.chmod(os.path.join(out, "mlx-unpacked.safetensors"), 0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(ROOT, "test", "fixtures", "layouts"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    os.makedirs(arguments.out, exist_ok=True)
    read = {
        dtype: read_checkpoint(os.path.join(ROOT, "test", "fixtures", "parity", name, "checkpoint"))
        for dtype, name in SOURCES.items()
    }
    for name, (layout, dtype) in FOLDERS.items():
        folder = os.path.join(arguments.out, name)
        shutil.rmtree(folder, ignore_errors=True)
        write_layout(*read[dtype], layout, folder)
        print(folder, flush=True)
    _moshi_results(*read["f32"], arguments.out)
    _mlx_results(*read["bf16"], arguments.out)


if __name__ == "__main__":
    main()
