"""The clip bank: real takes, vocoder-morphed takes and synthetic voices in one array.

Reads FSDD and <work>/synth.npz, writes <work>/clips.npz with
  audio   int16 [samples], 24 kHz
  bounds  int64 [clips, 2]
  speech  int32 [clips, 2], onset and offset of the speech inside the clip, in samples
  label   int16 [clips], digit or -1 (another word)
  speaker str   [clips]: an FSDD speaker, or "family:voice"
  kind    str   [clips]: real, morph, synth, test (FSDD takes 0-4), heldout (synthetic voices kept out)
"""
import argparse
import glob
import multiprocessing as mp
import os

import numpy as np
import soundfile
from scipy.signal import resample_poly

from settings import SAMPLE_RATE, TEST_TAKES
from synth import HELD_OUT

HOP = 120                                        # samples per level frame (5 ms)
FORMANTS = (600, 1800)                           # Hz: about the first and the second formant


def speech_span(x):
    """Onset and offset in samples, where the 5 ms level is within 30 dB of the loudest frame."""
    x = x.astype(np.float64)
    n = max(1, len(x) // HOP)
    level = np.sqrt((x[:n * HOP].reshape(n, -1) ** 2).mean(1)) if len(x) >= HOP else np.ones(1)
    level = np.convolve(level, np.ones(3) / 3, mode="same")
    floor = np.percentile(level, 5)
    on = np.flatnonzero(level > max(0.03 * level.max(), min(2.0 * floor, 0.1 * level.max())))
    return int(on[0] * HOP), int(min(len(x), (on[-1] + 1) * HOP))


def normalise(x):
    return np.clip(x / max(1e-9, np.abs(x).max()) * 16000, -32767, 32767).astype(np.int16)


def morph(x, rng, count):
    """`count` re-voicings of one 16 kHz clip: formants, pitch, intonation range and tempo changed.

    Low and high formants move by different factors: speakers differ in their vowels, not only in the length of the
    vocal tract.
    """
    import pyworld
    x = np.ascontiguousarray(np.pad(x, 320) + rng.normal(0, 1e-5, len(x) + 640))
    f0, t = pyworld.dio(x, 16000, f0_floor=60, f0_ceil=500)
    f0 = pyworld.stonemask(x, f0, t, 16000)
    sp = pyworld.cheaptrick(x, f0, t, 16000)
    ap = pyworld.d4c(x, f0, t, 16000)
    bins = sp.shape[1]
    for _ in range(count):
        warp, ratio = rng.uniform(-0.2, 0.2) + rng.uniform(-0.12, 0.12, 2), np.exp(rng.uniform(-0.55, 0.6))
        spread, tempo = rng.uniform(0.4, 1.4), np.exp(rng.uniform(-0.3, 0.3))
        factor = np.exp(np.interp(np.linspace(0, 8000, bins), FORMANTS, warp))
        pos = np.minimum(np.arange(bins) / factor, bins - 1.001)
        i, w = pos.astype(int), pos % 1
        sp2 = np.exp((1 - w) * np.log(sp[:, i] + 1e-16) + w * np.log(sp[:, i + 1] + 1e-16))
        ap2 = (1 - w) * ap[:, i] + w * ap[:, i + 1]
        rows = np.clip(np.round(np.arange(0, len(f0), tempo)).astype(int), 0, len(f0) - 1)
        voiced = f0 > 0
        f2 = f0.copy()
        if voiced.any():
            mean = np.exp(np.log(f0[voiced]).mean())
            f2[voiced] = np.clip(mean * ratio * (f0[voiced] / mean) ** spread, 55, 520)
        y = pyworld.synthesize(np.ascontiguousarray(f2[rows]), np.ascontiguousarray(sp2[rows]),
                               np.ascontiguousarray(np.clip(ap2[rows], 0, 1)), 16000)
        if np.isfinite(y).all() and np.abs(y).max() > 1e-6:
            yield y


def read_take(job):
    """One FSDD recording -> (digit, speaker, is it a test take), itself and its re-voicings at 24 kHz."""
    path, seed, count = job
    digit, who, take = os.path.basename(path)[:-4].split("_")
    x, rate = soundfile.read(path)
    x = x - x.mean()
    test = int(take) in TEST_TAKES
    voices = [] if test else morph(resample_poly(x, 16000 // rate, 1), np.random.default_rng((2, seed)), count)
    return ((int(digit), who, test), normalise(resample_poly(x, SAMPLE_RATE // rate, 1)),
            [normalise(resample_poly(y, 3, 2)) for y in voices])


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--fsdd", default="../shared/data/fsdd")
    ap.add_argument("--morphs", type=int, default=10, help="re-voicings per real take")
    ap.add_argument("--workers", type=int, default=2)
    a = ap.parse_args()
    rng = np.random.default_rng(2)
    audio, label, speaker, kind = [], [], [], []

    def add(x, lab, who, what):
        audio.append(x), label.append(lab), speaker.append(who), kind.append(what)

    paths = sorted(glob.glob(os.path.join(a.fsdd, "recordings", "*.wav")))
    with mp.Pool(a.workers) as pool:
        takes = pool.imap(read_take, [(path, i, a.morphs) for i, path in enumerate(paths)], chunksize=20)
        for (digit, who, test), x, morphs in takes:
            add(x, digit, who, "test" if test else "real")
            for y in morphs:
                add(y, digit, who, "morph")
    s = dict(np.load(os.path.join(a.work, "synth.npz")))
    for (b, e), lab, who in zip(s["bounds"], s["label"], s["voice"]):
        x = s["audio"][b:e].copy()
        out = str(who).startswith("espeak:") and str(who)[7:] in HELD_OUT
        add(x, int(lab), str(who), "heldout" if out else "synth")
        if not str(who).startswith("espeak") and lab >= 0:
            for y in morph(resample_poly(x.astype(np.float64) / 32768, 2, 3), rng, 2):
                add(normalise(resample_poly(y, 3, 2)), int(lab), str(who), "synth")
    ends = np.cumsum([len(x) for x in audio])
    kind = np.array(kind)
    np.savez(os.path.join(a.work, "clips.npz"), audio=np.concatenate(audio),
             bounds=np.stack([ends - [len(x) for x in audio], ends], 1),
             speech=np.array([speech_span(x) for x in audio], np.int32), label=np.array(label, np.int16),
             speaker=np.array(speaker), kind=kind)
    for k in sorted(set(kind)):
        print(k, int((kind == k).sum()), "clips")


if __name__ == "__main__":
    main()
