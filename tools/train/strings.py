"""Test strings: FSDD test takes (or held-out synthetic voices) joined with natural gaps.

A string is 3 to 8 digits of one speaker, or of several, with pauses of 0.05 to 0.8 s, digit levels
within +-6 dB and, for half of them, a light room. Written as a generator so that every figure in
the model card comes from the same code.
"""
import numpy as np

from compose import room
from settings import SAMPLE_RATE as SR, WORDS


def by_digit(bank_data, kind, speaker=None):
    """digit -> clip indices of one kind (and speaker)."""
    keep = (bank_data["kind"] == kind) & (bank_data["label"] >= 0)
    if speaker:
        keep &= bank_data["speaker"] == speaker
    return {d: np.flatnonzero(keep & (bank_data["label"] == d)) for d in range(10)}


def make_string(rng, data, choice):
    """-> wave float32 at 24 kHz, list of words, onsets in seconds."""
    parts, words, onsets, at = [], [], [], 0

    def silence(seconds):
        nonlocal at
        parts.append(np.zeros(int(SR * seconds)))
        at += len(parts[-1])

    silence(rng.uniform(0.1, 0.6))
    peak = np.exp(rng.uniform(np.log(0.05), np.log(0.9)))
    for k in range(rng.integers(3, 9)):
        if k:
            silence(rng.uniform(0.05, 0.8))
        digit = rng.integers(10)
        i = choice[digit][rng.integers(len(choice[digit]))]
        a, b = data["bounds"][i]
        x = data["audio"][a:b].astype(np.float64) / 16000 * peak * 10 ** (rng.uniform(-6, 0) / 20)
        onsets.append((at + data["speech"][i][0]) / SR)
        parts.append(x)
        at += len(x)
        words.append(WORDS[digit])
    silence(rng.uniform(0.1, 0.4))
    x = np.concatenate(parts)
    if rng.random() < 0.5:
        h = room(rng)
        size = 1 << int(np.ceil(np.log2(len(x) + len(h))))
        x = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[:len(x)]
        x *= peak / max(1e-9, np.abs(x).max())
    x += rng.normal(0, 1, len(x)) * peak * 10 ** (-rng.uniform(35, 60) / 20)
    return x.astype(np.float32), words, onsets


def edits(want, got):
    """Substitutions, deletions and insertions together."""
    row = list(range(len(got) + 1))
    for i, w in enumerate(want, 1):
        last, row[0] = row[0], i
        for j, g in enumerate(got, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (w != g))
    return row[-1]
