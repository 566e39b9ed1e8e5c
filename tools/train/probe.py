"""How often an encoder's heads are right on each cached set: a quick look at voices it was not trained on."""
import argparse
import glob
import os

import numpy as np
import torch

import fastcodec
from make_features import load_frontend
from train_encoder import Heads, forward, head_accuracy


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--encoder", required=True, help="file of train_encoder.py or fit_codebooks.py")
    ap.add_argument("--strings", type=int, default=96)
    a = ap.parse_args()
    torch.set_num_threads(1)
    codec, heads = load_frontend(a.work).eval(), Heads()
    state = torch.load(a.encoder, weights_only=True)
    codec.load_state_dict(state["codec"])
    heads.load_state_dict(state["heads"])
    for path in sorted(glob.glob(os.path.join(a.work, "features_*.npz"))):
        part = np.load(path)
        x, want = torch.from_numpy(part["features"][:a.strings]).float(), torch.from_numpy(part["labels"][:a.strings]).long()
        mask = fastcodec.window_mask(x.shape[1], codec.config.sliding_window)
        one, two, _, _, _ = forward(codec, heads, x, mask)
        print(os.path.basename(path)[9:-4], "semantic", head_accuracy(one, want), "acoustic", head_accuracy(two, want), flush=True)


if __name__ == "__main__":
    main()
