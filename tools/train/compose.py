"""Random strings of digits with rooms, noise, bands and levels, plus their word onsets."""
import numpy as np
import scipy.fft
from scipy.signal import lfilter

import noise
from settings import SAMPLE_RATE as SR

FAMILIES = {"human": 0.26, "morph": 0.30, "neural": 0.22, "formant": 0.04, "foreign": 0.07, "recorded": 0.09, "prompt": 0.07}
HOP = 120                                        # samples per level frame (5 ms)
HISS, STEADY = 2, 8                              # the first noises of noise.bank: hiss; hiss and hum; the others have events
POOR, MILD = 0.1, 0.3                            # shares of strings by a dull, hissing microphone, and by a good one
SYNTHETIC = {"espeak": "formant", "foreign": "foreign", "neural": "neural", "flite": "recorded", "festival": "recorded",
             "pico": "recorded", "piper": "recorded", "prompt": "prompt"}


class Bank:
    """Training clips grouped by speaker. `only`: an FSDD speaker, "synthetic", or None for all."""

    def __init__(self, path, only=None, seed=11):
        d = dict(np.load(path))
        self.audio, self.bounds, self.speech, self.label = d["audio"], d["bounds"], d["speech"], d["label"]
        keep = np.isin(d["kind"], ("synth",) if only == "synthetic" else ("real", "morph", "synth"))
        if only and only != "synthetic":         # other words always come from the synthetic voices
            owner = np.array([name.split("~")[0] for name in d["speaker"]])
            keep &= (owner == only) | (self.label < 0)
        self.groups = {}                         # (family, speaker) -> digit -> clip indices
        self.other = np.flatnonzero(keep & (self.label < 0))
        for i in np.flatnonzero(keep & (self.label >= 0)):
            kind = str(d["kind"][i])
            family = {"real": "human", "morph": "morph"}.get(kind) or SYNTHETIC[d["speaker"][i].split(":")[0]]
            speaker = self.groups.setdefault(family, {}).setdefault(str(d["speaker"][i]), {})
            speaker.setdefault(int(self.label[i]), []).append(i)
        speech = np.flatnonzero(keep)
        sample = [self.clip(i)[0] for i in speech[::max(1, len(speech) // 400)]]
        self.noises = noise.bank(seed, clips=sample)

    def clip(self, i):
        """int16 samples and the onset inside them."""
        a, b = self.bounds[i]
        return self.audio[a:b], self.speech[i]


def room(rng):
    """A short synthetic room response: direct path, a few reflections, an exponential tail."""
    t60 = np.exp(rng.uniform(np.log(0.08), np.log(0.7)))
    n = int(SR * min(0.5, t60))
    h = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / SR / t60)
    h[:int(SR * rng.uniform(0.001, 0.006))] = 0
    h *= np.exp(rng.uniform(np.log(0.05), np.log(1.2))) / np.sqrt((h ** 2).sum() + 1e-9)
    h[0] = 1.0
    return h


def channel(rng, bins, mild):
    """Smooth random gain curve over rfft bins with optional band limits; `mild`: as good microphones differ."""
    f = np.linspace(0, SR / 2, bins)
    knots = np.array([50, 200, 500, 1000, 2000, 4000, 8000, 12000.0])
    rough = 1.0 if mild else rng.choice([1.0, 4.0])
    gain = np.interp(np.log(np.maximum(f, 30)), np.log(knots), rng.normal(0, rough, len(knots)))
    if rng.random() < 0.75:                      # dark and bright microphones
        slope = 2 if mild else 5
        gain = gain + rng.uniform(-slope, slope) * np.clip(np.log2(np.maximum(f, 30) / 700), -1.5, 2.6)
    if not mild and rng.random() < 0.5:          # bands that a voice, room or microphone stresses or swallows
        for _ in range(rng.integers(1, 4)):
            centre, width = np.exp(rng.uniform(np.log(300), np.log(4500))), rng.uniform(0.15, 0.7)
            octaves = np.log2(np.maximum(f, 30) / centre)
            gain = gain + rng.uniform(-18, 12) * np.exp(-0.5 * (octaves / width) ** 2)
    gain = 10 ** (gain / 20)
    if rng.random() < 0.6:
        cut = rng.choice([3200, 3600, 3900, 4000, 5400, 7900, 11000]) * rng.uniform(0.93, 1.02)
        gain = gain / (1 + (f / cut) ** 24)
    if rng.random() < 0.4:
        cut = rng.uniform(60, 350)
        gain = gain * (f / cut) ** 2 / (1 + (f / cut) ** 2)
    return gain.astype(np.float32)


def stretch(x, factor):
    """Play faster by `factor` (linear interpolation)."""
    pos = np.arange(int((len(x) - 1) / factor)) * factor
    i = pos.astype(np.int64)
    w = (pos - i).astype(np.float32)
    return x[i] * (1 - w) + x[i + 1] * w


def treble(rng, x):
    """Fill the empty band above 4 kHz of a narrow-band voice with energy that follows its own treble."""
    d = np.diff(x, prepend=x[:1])
    d = np.diff(d, prepend=d[:1])
    e = np.abs(d)
    return x + rng.uniform(0, 1.5) * (e * np.where(np.arange(len(x)) % 3 == 0, 1.0, -0.5)).astype(np.float32)


def tighten(rng, clip, on, off, head, tail, width=6, most=0.12):
    """Cut a clip as recordings of single digits are cut: inside its first and last sounds.

    `head`, `tail`: dB below the loudest 5 ms at which it starts and ends, varied a little; levels are those of the mean of
    `width` samples (below 4 kHz by default), so that an "s" may go. At most 30 ms to `most` seconds of the word's start or
    end are lost. -> clip, onset, offset in samples.
    """
    x = np.convolve(clip.astype(np.float32), np.full(width, 1 / width, np.float32), "same")
    n = len(x) // HOP
    level = np.sqrt((x[:n * HOP].reshape(n, HOP) ** 2).mean(1)) + 1e-3
    decibels = 20 * np.log10(level / level.max())
    loss = rng.integers(int(0.03 * SR), int(most * SR), 2)
    loud = np.flatnonzero(decibels > -(head + rng.normal(0, 3)))
    start = min(loud[0] * HOP if len(loud) else 0, on + loss[0])
    loud = np.flatnonzero(decibels > -(tail + rng.normal(0, 3)))
    stop = max((loud[-1] + 1) * HOP if len(loud) else len(x), off - loss[1], start + 4 * HOP)
    return clip[start:stop], max(0, on - start), min(stop, max(off, start + HOP)) - start


def pick_gap(rng):
    u = rng.random()
    if u < 0.12:
        return rng.uniform(0.0, 0.08)
    if u < 0.90:
        return rng.uniform(0.05, 0.8)
    return rng.uniform(0.8, 4.0)


def shaded(y, colour):
    """Darker (0 to 1) or brighter (-1 to 0) by a filter of first order: 14 dB at 3 kHz for 0.85."""
    x = lfilter([1.0], [1.0, -colour], y) if colour > 0 else lfilter([1.0, colour], [1.0], y)
    return (x * np.sqrt(((y ** 2).mean() + 1e-12) / ((x ** 2).mean() + 1e-12))).astype(np.float32)


def with_background(rng, bank, y, kinds=STEADY, quietest=40, loudest=14):
    """A take's own background, which starts and stops with it: one of the first `kinds`, in dB below the take."""
    z = bank.noises[rng.integers(kinds)]
    z = np.take(z, np.arange(len(y)) + rng.integers(len(z)), mode="wrap")
    return y + z * (np.sqrt((y ** 2).mean()) * 10 ** (-rng.uniform(loudest, quietest) / 20)).astype(np.float32)


def voice_of(rng, bank):
    """A random (family, speaker) present in the bank."""
    names = [f for f in FAMILIES if f in bank.groups]
    p = np.array([FAMILIES[f] for f in names])
    family = names[rng.choice(len(names), p=p / p.sum())]
    speakers = list(bank.groups[family])
    return family, speakers[rng.integers(len(speakers))]


def compose(rng, bank, samples, dense=False, background=False):
    """-> wave float32 [samples], events [(onset in samples, offset in samples, digit)], the same words undisturbed.

    `dense` shortens the pauses: more digits per second for the encoder. `background` leaves the digits
    out: noises alone, or other words.
    """
    x, clear = np.zeros((2, samples + SR), np.float32)
    events = []
    empty = rng.random() < (0.65 if background else 0.06)
    mixed, level = rng.random() < 0.15, rng.uniform(0, 6)
    voice, speed = voice_of(rng, bank), np.exp(rng.uniform(-0.17, 0.17))
    pace = rng.choice([0.25, 0.4, 1.0] if dense else [0.35, 1.0, 1.0, 1.0])
    cut, head, tail, hiss = rng.random(), rng.uniform(10, 32), rng.uniform(15, 36), rng.random()
    # FSDD's speakers differ by 25 dB at 3 kHz, and the background of a dark one hides what little he has there.
    colour = rng.uniform(-0.85, 0.85) if rng.random() < 0.6 else 0.0
    poor, mild = rng.random() < POOR, rng.random() < MILD
    if mild:
        colour, poor, hiss, level = 0.0, False, max(hiss, 0.4), min(level, 3)
    if poor:                                     # a dull microphone that hisses, and takes cut by what it hears
        colour, head, tail, low = rng.uniform(0.1, 0.85), rng.uniform(8, 20), rng.uniform(8, 20), int(rng.integers(8, 25))
    at = int(SR * rng.choice([rng.uniform(0, 0.3), rng.uniform(0, 1.5)]))
    left = rng.integers(3, 9)
    while at < samples and not empty:
        if left == 0:
            at += int(SR * rng.uniform(0.5, 3.0))
            voice, left = voice_of(rng, bank), rng.integers(3, 9)
            continue
        other = background or (len(bank.other) and rng.random() < 0.04)
        if other:
            i, family = bank.other[rng.integers(len(bank.other))], "other"
        else:
            family, who = voice_of(rng, bank) if mixed else voice
            digits = bank.groups[family][who]
            digit = rng.integers(10)
            if digit not in digits:
                continue
            i = digits[digit][rng.integers(len(digits[digit]))]
        clip, (on, off) = bank.clip(i)
        rate = speed * np.exp(rng.normal(0, 0.03))
        recorded = family in ("human", "morph")  # cut by their maker, with a background of their own
        if poor and cut < (0.5 if recorded else 0.85):
            clip, on, off = tighten(rng, clip, on, off, head, tail, low, 0.2)
        elif cut < (0.25 if recorded else 0.55):
            clip, on, off = tighten(rng, clip, on, off, head, tail)
        elif cut < (0.4 if recorded else 0.7):
            clip, on, off = clip[on:off], 0, off - on
        y = stretch(clip.astype(np.float32) / 32768, rate)
        pure = y
        if recorded and rng.random() < 0.4:
            y = treble(rng, y)
        if colour:
            y = shaded(y, colour)
        if poor:
            y = with_background(rng, bank, y, HISS, 24, 9)
        elif hiss < (0.25 if recorded else 0.5):
            y = with_background(rng, bank, y)
        gain = 10 ** (rng.normal(0, level) / 20)
        edge = min(len(y) // 4, int(np.exp(rng.uniform(0, np.log(240)))))
        ramp = np.linspace(0, 1, edge, dtype=np.float32)
        shape = np.full(len(y), gain, np.float32)
        shape[:edge] *= ramp
        shape[len(y) - edge:] *= ramp[::-1]
        n = min(len(y), len(x) - at)
        x[at:at + n] += (y * shape)[:n]
        clear[at:at + n] += (pure * shape)[:n]
        if not other:
            events.append((at + int(on / rate), at + int(off / rate), int(digit)))
        at += n + int(SR * pick_gap(rng) * pace)
        left -= 1
    if background and empty and rng.random() < 0.7:
        x[:samples] = noise.fresh(rng, samples)
    clear = clear[:samples] * np.float32(0.5 / (np.abs(clear).max() + 1e-9))
    return finish(rng, bank, x[:samples], mild), [e for e in events if e[0] < samples], clear


def finish(rng, bank, x, mild):
    """Room, channel, noise, level and converter effects on a dry string; `mild` ones for a good recording."""
    n = len(x)
    size = scipy.fft.next_fast_len(n + SR // 2, real=True)
    spectrum = scipy.fft.rfft(x, size)
    if rng.random() < 0.5:
        spectrum *= scipy.fft.rfft(room(rng).astype(np.float32), size)
    if rng.random() < 0.9:
        spectrum *= channel(rng, len(spectrum), mild)
    x = scipy.fft.irfft(spectrum, size)[:n].astype(np.float32)
    active = np.abs(x) > 0.02 * (np.abs(x).max() + 1e-9)
    rms = np.sqrt((x[active] ** 2).mean()) if active.any() else 0.1
    rms = rms if rms > 0 else 0.1
    for _ in range(rng.choice([0, 1, 1, 2])):
        z = bank.noises[rng.integers(len(bank.noises))]
        a = rng.integers(0, len(z))
        z = np.take(z, np.arange(a, a + n), mode="wrap")
        x = x + z * np.float32(rms * 10 ** (-rng.uniform(18 if mild else 4, 50 if mild else 45) / 20))
    x = x / (np.abs(x).max() + 1e-9)
    if not mild and rng.random() < 0.05:
        x = np.clip(x * rng.uniform(1.2, 4), -1, 1)
    if rng.random() < 0.08:                      # 8-bit logarithmic telephone coding
        y = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
        y = np.round(y * 127) / 127
        x = np.sign(y) * (256 ** np.abs(y) - 1) / 255
    x = x * np.exp(rng.uniform(np.log(0.012), np.log(1.0)))
    if rng.random() < 0.5:
        x = np.round(x * 32767) / 32767
    return x.astype(np.float32)
