"""Write the demo recording and the accuracy strings of the model folder.

All digits are FSDD test takes (0-4), 16-bit mono: sample.wav at 24 kHz, test/*.wav at 8 kHz as recorded
(the codec of the reader has to resample them). test/expected.json gives words, onsets and ends (of the takes, which are cut close).
"""
import argparse
import json
import os

import numpy as np
import soundfile

from settings import SPEAKERS, WORDS


def join(rng, folder, digits, who):
    """Takes 0-4 of one speaker (or several) with pauses of 0.05-0.8 s, 8 kHz, [-1, 1]."""
    rate, parts, onsets, ends, at = 8000, [], [], [], 0
    for k, d in enumerate(digits):
        gap = int(rate * (rng.uniform(0.05, 0.8) if k else 0.4))
        speaker = who if who else SPEAKERS[rng.integers(len(SPEAKERS))]
        x, r = soundfile.read(os.path.join(folder, "recordings", f"{d}_{speaker}_{rng.integers(5)}.wav"))
        assert r == rate
        x = x / np.abs(x).max() * 10 ** (rng.uniform(-6, 0) / 20)
        parts += [np.zeros(gap), x]
        onsets.append(round((at + gap) / rate, 3))
        at += gap + len(x)
        ends.append(round(at / rate, 3))
    x = np.concatenate(parts + [np.zeros(int(0.3 * rate))])
    x += rng.normal(0, 0.0008, len(x))
    return x * 0.5, onsets, ends


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--fsdd", default="../shared/data/fsdd")
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    from scipy.signal import resample_poly
    rng = np.random.default_rng(2024)
    digits = [4, 0, 7, 2, 9, 1]
    x, _, _ = join(rng, a.fsdd, digits, "jackson")
    soundfile.write(os.path.join(a.out, "sample.wav"), resample_poly(x, 3, 1), 24000, subtype="PCM_16")
    with open(os.path.join(a.out, "sample.txt"), "w") as f:
        f.write(" ".join(WORDS[d] for d in digits) + "\n")
    os.makedirs(os.path.join(a.out, "test"), exist_ok=True)
    expected = []
    for i, who in enumerate(SPEAKERS + [None, None, None]):
        digits = [int(d) for d in rng.integers(0, 10, rng.integers(5, 9))]
        x, onsets, ends = join(rng, a.fsdd, digits, who)
        name = f"{i}-{who or 'mixed'}.wav"
        soundfile.write(os.path.join(a.out, "test", name), x, 8000, subtype="PCM_16")
        expected.append({"file": name, "text": " ".join(WORDS[d] for d in digits), "onsets": onsets, "ends": ends})
    with open(os.path.join(a.out, "test", "expected.json"), "w") as f:
        json.dump(expected, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
