"""Remakes test/fixtures/forward: calls of forward() on checkpoints of test/fixtures/parity, and their results.

    python make-forward-fixtures.py [NAME...]
"""

import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import KyutaiSpeechToTextForConditionalGeneration
from transformers.utils import logging

from forward_cases import make_cases, run_case

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(1)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARITY = os.path.join(ROOT, "test", "fixtures", "parity")
TARGET = os.path.join(ROOT, "test", "fixtures", "forward")
CHECKPOINTS = {"plain-f32": None, "gqa-f32": None, "bf16": ["one-pass", "beyond-window"]}  # None: all cases



def make(name: str, wanted: list | None) -> None:
    model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(
        os.path.join(PARITY, name, "checkpoint"), dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tensors, cases = {}, []
    for case in make_cases(model.config, 7):
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
    folder = os.path.join(TARGET, name)
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "expected.safetensors"))
    manifest = {
        "checkpoint": f"../../parity/{name}/checkpoint",
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "cases": cases,
    }
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    print(name, len(cases), "cases", os.path.getsize(os.path.join(folder, "expected.safetensors")), "bytes")


def main() -> None:
    for name in sys.argv[1:] or CHECKPOINTS:
        make(name, CHECKPOINTS[name])


if __name__ == "__main__":
    main()
