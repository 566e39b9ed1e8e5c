"""Backgrounds without speech, one float32 array per kind, RMS 1, at 24 kHz."""
import numpy as np
from scipy.signal import lfilter

from settings import SAMPLE_RATE as SR


def coloured(rng, n, slope):
    """Gaussian noise whose power falls with f**-slope."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / SR), 20.0)
    return np.fft.irfft(spectrum * f ** (-slope / 2), n)


def hum(rng, n):
    """Mains hum with harmonics."""
    t, base = np.arange(n) / SR, rng.choice([50.0, 60.0, 100.0, 120.0])
    return sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * (base * k * t + rng.uniform())) for k in range(1, 12))


def tones(rng, n):
    """Music-like: overlapping decaying harmonic notes."""
    x, at = np.zeros(n), 0
    while at < n:
        length = min(int(SR * rng.uniform(0.1, 1.2)), n - at)
        t = np.arange(length) / SR
        for _ in range(rng.integers(1, 4)):
            f = 55.0 * 2 ** (rng.integers(0, 48) / 12)
            vibrato = rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(3, 7) * t)
            for k in range(1, rng.integers(2, 9)):
                x[at:at + length] += np.sin(2 * np.pi * f * k * (t + vibrato / 6)) * np.exp(-t * rng.uniform(1, 8)) / k
        at += int(SR * rng.uniform(0.05, 0.7))
    return x


def clicks(rng, n):
    """Knocks and clicks: short resonant bursts."""
    x, at = np.zeros(n), 0
    while True:
        at += int(SR * rng.exponential(0.4)) + 50
        length = int(SR * rng.uniform(0.002, 0.12))
        if at + length >= n:
            return x + 1e-4 * rng.standard_normal(n)
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / length * rng.uniform(3, 8))
        r, f = rng.uniform(0.5, 0.98), rng.uniform(100, 6000)
        burst = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * f / SR), r * r], burst)
        x[at:at + length] += burst / np.abs(burst).max() * rng.uniform(0.1, 1)


def breaths(rng, n):
    """Breath and rustle: band-passed noise swelling and fading."""
    x, at = np.zeros(n), 0
    while True:
        at += int(SR * rng.uniform(0.1, 1.5))
        length = int(SR * rng.uniform(0.08, 0.9))
        if at + length >= n:
            return x + 1e-4 * rng.standard_normal(n)
        r, f = rng.uniform(0.6, 0.95), rng.uniform(300, 5000)
        burst = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * f / SR), r * r], rng.standard_normal(length))
        x[at:at + length] += burst / burst.std() * np.sin(np.pi * np.arange(length) / length) ** 2 * rng.uniform(0.2, 1)


def sweeps(rng, n):
    """Beeps, chirps and sirens."""
    x, at = np.zeros(n), 0
    while at < n:
        length = min(int(SR * rng.uniform(0.05, 1.0)), n - at)
        f = np.linspace(rng.uniform(150, 3500), rng.uniform(150, 3500), length)
        wave = np.sin(2 * np.pi * np.cumsum(f) / SR)
        x[at:at + length] = (np.sign(wave) * 0.4 if rng.random() < 0.3 else wave) * np.hanning(length + 2)[1:-1] ** 0.3
        at += length + int(SR * rng.uniform(0.0, 1.0))
    return x + 1e-4 * rng.standard_normal(n)


def babble(rng, n, clips):
    """Chopped, reversed and overlapped speech: speech-like without words."""
    x = np.zeros(n)
    for _ in range(int(n / SR * 14)):
        clip = clips[rng.integers(len(clips))].astype(np.float64) / 32768
        a = rng.integers(0, max(1, len(clip) - 2400))
        piece = clip[a:a + rng.integers(1800, 6000)][::-1]
        at = rng.integers(0, n - len(piece))
        x[at:at + len(piece)] += piece * np.hanning(len(piece)) * rng.uniform(0.1, 1)
    return x


def fresh(rng, n):
    """A newly drawn background of n samples, peak 1; music-like tones are the most frequent."""
    kinds = (tones, tones, tones, sweeps, clicks, breaths, hum)
    x = kinds[rng.integers(len(kinds))](rng, n)
    return (x / (np.abs(x).max() + 1e-9)).astype(np.float32)


def bank(seed, seconds=40, clips=None):
    """List of noises. `clips` (int16 arrays of speech) adds babble."""
    rng, n = np.random.default_rng(seed), seconds * SR
    out = [coloured(rng, n, s) for s in (0.0, 0.5, 1.0, 1.5, 2.0)]
    out += [hum(rng, n) for _ in range(2)] + [hum(rng, n) + 3 * coloured(rng, n, 1.0) * 10]
    out += [f(rng, n) for f in (tones, tones, clicks, clicks, breaths, breaths, sweeps)]
    if clips is not None:
        out += [babble(rng, n, clips) for _ in range(3)]
    return [(x / np.sqrt((x ** 2).mean())).astype(np.float32) for x in out]
