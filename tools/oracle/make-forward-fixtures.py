"""Remakes test/fixtures/forward: calls of forward() on checkpoints of test/fixtures/parity, and their results.

    python make-forward-fixtures.py [NAME...]
    python make-forward-fixtures.py --random SEED DIR     a fixture of a random f32 checkpoint, in DIR
"""

import json
import os
import sys
from dataclasses import replace

import torch
import transformers
from safetensors.torch import save_file
from transformers import KyutaiSpeechToTextForConditionalGeneration
from transformers.utils import logging

from checkpoints import make_checkpoint
from forward_cases import make_cases, run_case
from random_shape import random_shape

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(1)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARITY = os.path.join(ROOT, "test", "fixtures", "parity")
TARGET = os.path.join(ROOT, "test", "fixtures", "forward")
CHECKPOINTS = {"plain-f32": None, "gqa-f32": None, "bf16": ["one-pass", "beyond-window"]}  # None: all cases



def make(folder: str, checkpoint: str, wanted: list | None, seed: int = 7) -> None:
    model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(
        os.path.join(folder, checkpoint), dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tensors, cases = {}, []
    for case in make_cases(model.config, seed):
        if wanted is not None and case.name not in wanted:
            continue
        calls = []
        for index, (call, results) in enumerate(zip(case.calls, run_case(model, case))):
            prefix = f"{case.name}/{index}/"
            for key, value in call.inputs.items():
                if isinstance(value, torch.Tensor):
                    stored = value.to(torch.float32 if value.is_floating_point() else torch.int32)
                    tensors[f"{prefix}in/{key}"] = stored.contiguous().clone()
            tensors.update({f"{prefix}out/{key}": value for key, value in results.items()})
            calls.append(
                {
                    "cache": call.cache,
                    "values": {k: v for k, v in call.inputs.items() if not isinstance(v, torch.Tensor)},
                    "tensors": [k for k, v in call.inputs.items() if isinstance(v, torch.Tensor)],
                    "outputs": sorted(results),
                }
            )
        cases.append({"name": case.name, "calls": calls})
    path = os.path.join(folder, "expected.safetensors")
    save_file(tensors, path)
    os.chmod(path, 0o644)
    manifest = {
        "checkpoint": checkpoint,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "cases": cases,
    }
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    print(folder, len(cases), "cases", os.path.getsize(path), "bytes")


def make_random(seed: int, folder: str) -> None:
    """Layers, heads, grouped queries, head_dim, window and codebooks as random_shape.py draws them, in f32."""
    shape = replace(random_shape(seed), dtype="f32")
    make_checkpoint(shape, seed, os.path.join(folder, "checkpoint"))
    make(folder, "checkpoint", None, seed)


def main() -> None:
    if sys.argv[1:2] == ["--random"]:
        return make_random(int(sys.argv[2]), sys.argv[3])
    for name in sys.argv[1:] or CHECKPOINTS:
        folder = os.path.join(TARGET, name)
        os.makedirs(folder, exist_ok=True)
        make(folder, f"../../parity/{name}/checkpoint", CHECKPOINTS[name])


if __name__ == "__main__":
    main()
