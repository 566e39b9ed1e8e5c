"""Take the front end out of a finished model folder, in place of train_frontend.py.

No later stage changes it, and it was taught on synthetic voices and noises alone.
"""
import argparse
import os

import torch
from safetensors.torch import load_file

PREFIX = "codec_model.encoder."


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("model")
    ap.add_argument("--work", required=True)
    a = ap.parse_args()
    weights = load_file(os.path.join(a.model, "model.safetensors"))
    encoder = {name[len(PREFIX):]: value for name, value in weights.items() if name.startswith(PREFIX)}
    torch.save({"encoder": encoder}, os.path.join(a.work, "frontend.pt"))
    print(len(encoder), "tensors")


if __name__ == "__main__":
    main()
