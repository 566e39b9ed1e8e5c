"""Stage 2: random strings through the frozen front end, kept in memory-friendly form.

One file per voice set (each FSDD speaker, "synthetic", "mixed", "background"), so that a speaker can be left out
later. <work>/features_<set>.npz: features f16 [n, 2*frames, hidden] at 25 Hz, labels i8
[n, frames, 5] as batches.label_rows gives them, teacher f16 [n, frames, 96] as teacher.py hears the undisturbed words.
"""
import argparse
import os
import time

import numpy as np
import torch
from transformers import MimiConfig, MimiModel

import fastcodec
from batches import label_rows, stream
from compose import compose
from settings import FRAME, codec_config
from teacher import Teacher


def strings(rng, bank, size, frames, background):
    """wave f32 [size, frames*1920], labels [size, frames, 5] and the undisturbed wave."""
    made = [compose(rng, bank, frames * FRAME, rng.random() < 0.6, background) for _ in range(size)]
    waves, events, clear = zip(*made)
    return np.stack(waves), np.stack([label_rows(e, frames) for e in events]).astype(np.int8), np.stack(clear)


def load_frontend(work):
    codec = MimiModel(MimiConfig(**codec_config()))
    codec.encoder.load_state_dict(torch.load(os.path.join(work, "frontend.pt"), weights_only=True)["encoder"])
    return codec


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--sets", nargs="+", required=True, help="set=hours, for example theo=2 synthetic=6 mixed=4")
    ap.add_argument("--frames", type=int, default=192)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    codec, teacher = load_frontend(a.work), Teacher()
    for item in a.sets:
        name, hours = item.split("=")
        only = {"mixed": None, "background": "synthetic"}.get(name, name)
        feed = stream(strings, os.path.join(a.work, "clips.npz"), only, (4, a.frames, name == "background"), seed=a.seed)
        features, labels, taught, seconds, start = [], [], [], 0.0, time.time()
        while seconds < 3600 * float(hours):
            wave, rows, clear = next(feed)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                x = fastcodec.seanet(codec.encoder, torch.from_numpy(wave))
                heard = teacher(clear, a.frames)
            features.append(x.to(torch.float16).numpy())
            labels.append(rows)
            taught.append(heard.to(torch.float16).numpy())
            seconds += wave.size / 24000
        feed.close()
        np.savez(os.path.join(a.work, f"features_{name}_{a.seed}.npz"), features=np.concatenate(features),
                 labels=np.concatenate(labels), teacher=np.concatenate(taught))
        print(name, hours, "hours in", round(time.time() - start), "s", flush=True)


if __name__ == "__main__":
    main()
