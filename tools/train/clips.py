"""The clip bank: real takes, vocoder-morphed takes and synthetic voices in one array.

Reads FSDD, the voices in <work> (synth.npz, foreign.npz, packaged.npz, neural_*.npz) and the recordings of Debian's packages
asterisk-core-sounds-en-wav and saytime, where installed; also prompts in other languages (FOREIGN_PROMPTS), cut into pieces,
as words that are no digits. Writes <work>/clips.npz with
  audio   int16 [samples], 24 kHz
  bounds  int64 [clips, 2]
  speech  int32 [clips, 2], onset and offset of the speech inside the clip, in samples
  label   int16 [clips], digit or -1 (another word)
  speaker str   [clips]: an FSDD speaker, "speaker~n" for its n-th re-voicing, or "family:voice"
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
FORMANTS = (500, 1500, 2600)                     # Hz: about the first three formants
VOICES = 40                                      # re-voicings of one speaker; each take is heard in some of them
PROMPTS = "/usr/share/asterisk/sounds/en_US_f_Allison/digits"
CLOCK = "/usr/share/saytime"
FOREIGN_PROMPTS = "/usr/share/asterisk/sounds"
FOREIGN_SPEAKERS = {"june": "fr_CA_f_June", "menardi": "it_IT_f_Menardi", "carlo": "it_IT_m_Carlo", "ivrvoice": "ru_RU_f_IvrvoiceRU",
                    "armelle": "fr", "colombia": "es"}
FOREIGN_MINUTES = 8                              # of each speaker
PROMPT_WORDS = ("at", "and", "hundred", "thousand", "million", "minus", "day-", "mon-", "today", "tomorrow", "dollars")


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


def voice_change(rng, hurry):
    """One made-up speaker: factors of formants, pitch, intonation range and tempo; `hurry` is added to the tempo's log.

    Low and high formants move by different factors: speakers differ in their vowels, not only in the length of the
    vocal tract.
    """
    return {"warp": rng.uniform(-0.2, 0.2) + rng.uniform(-0.11, 0.11, len(FORMANTS)), "pitch": np.exp(rng.uniform(-0.55, 0.6)),
            "spread": rng.uniform(0.4, 1.4), "tempo": np.exp(hurry + rng.uniform(-0.3, 0.3))}


def morph(x, rng, changes):
    """Re-voicings of one 16 kHz clip, one for each of `changes`, which are varied a little."""
    import pyworld
    x = np.ascontiguousarray(np.pad(x, 320) + rng.normal(0, 1e-5, len(x) + 640))
    f0, t = pyworld.dio(x, 16000, f0_floor=60, f0_ceil=500)
    f0 = pyworld.stonemask(x, f0, t, 16000)
    sp = np.log(pyworld.cheaptrick(x, f0, t, 16000) + 1e-16)
    ap = pyworld.d4c(x, f0, t, 16000)
    bins, voiced = sp.shape[1], f0 > 0
    for c in changes:
        factor = np.exp(np.interp(np.linspace(0, 8000, bins), FORMANTS, c["warp"] + rng.normal(0, 0.02, len(FORMANTS))))
        pos = np.minimum(np.arange(bins) / factor, bins - 1.001)
        i, w = pos.astype(int), pos % 1
        sp2 = np.exp((1 - w) * sp[:, i] + w * sp[:, i + 1])
        ap2 = (1 - w) * ap[:, i] + w * ap[:, i + 1]
        tempo = c["tempo"] * np.exp(rng.normal(0, 0.06))
        rows = np.clip(np.round(np.arange(0, len(f0), tempo)).astype(int), 0, len(f0) - 1)
        f2 = f0.copy()
        if voiced.any():
            mean = np.exp(np.log(f0[voiced]).mean())
            pitch = mean * c["pitch"] * np.exp(rng.normal(0, 0.05))
            f2[voiced] = np.clip(pitch * (f0[voiced] / mean) ** c["spread"], 55, 520)
        y = pyworld.synthesize(np.ascontiguousarray(f2[rows]), np.ascontiguousarray(sp2[rows]),
                               np.ascontiguousarray(np.clip(ap2[rows], 0, 1)), 16000)
        yield y if np.isfinite(y).all() and np.abs(y).max() > 1e-6 else x


def revoice(job):
    """(16 kHz float clip, seed, changes) -> int16 re-voicings at 24 kHz."""
    x, seed, changes = job
    return [normalise(resample_poly(y, 3, 2)) for y in morph(x, np.random.default_rng((2, seed)), changes)]


def changes_of(names, count):
    """For each clip's speaker: `count` of the speaker's made-up voices -> [(voice numbers, changes)].

    A made-up voice has about 20 clips or more, so that it can say all digits.
    """
    made, out = {}, []
    for name in names:
        if name not in made:
            rng = np.random.default_rng([7, *name.encode()])
            hurry = 0.3 if name.startswith("neural:") else 0.0   # those take twice as long as people do
            made[name] = rng, [voice_change(rng, hurry) for _ in range(min(VOICES, max(count, names.count(name) * count // 20)))]
        rng, voices = made[name]
        numbers = rng.choice(len(voices), count, replace=count > len(voices)).tolist()
        out.append((numbers, [voices[n] for n in numbers]))
    return out


def takes(folder):
    """FSDD: (float clip, rate, digit, speaker, kind) of every recording."""
    for path in sorted(glob.glob(os.path.join(folder, "recordings", "*.wav"))):
        digit, who, take = os.path.basename(path)[:-4].split("_")
        x, rate = soundfile.read(path)
        yield x - x.mean(), rate, int(digit), who, "test" if int(take) in TEST_TAKES else "real"


def prompts():
    for path in sorted(glob.glob(os.path.join(PROMPTS, "*.wav"))):
        name = os.path.basename(path)[:-4]
        if name in "0123456789" or name.startswith(PROMPT_WORDS):
            x, rate = soundfile.read(path)
            yield x - x.mean(), rate, int(name) if name.isdigit() else -1, "prompt:allison", "synth"
    for path in sorted(glob.glob(os.path.join(CLOCK, "*.au"))):
        name = os.path.basename(path)[:-3]
        if name in "0123456789" or not name.isdigit():
            x, rate = soundfile.read(path)
            yield x - x.mean(), rate, int(name) if name.isdigit() else -1, "prompt:dawson", "synth"


def foreign_prompts(rng):
    """What other people say in other languages, in pieces of 0.4 to 1.6 s: words that are no digits.

    Digits and letters are left out, since some sound like English ones.
    """
    for who, folder in FOREIGN_SPEAKERS.items():
        paths = sorted(p for p in glob.glob(os.path.join(FOREIGN_PROMPTS, folder, "**", "*.*"), recursive=True)
                       if not {"digits", "letters", "silence"} & set(p.split(os.sep)))
        rng.shuffle(paths)
        left = FOREIGN_MINUTES * 60
        for path in paths:
            try:
                x, rate = soundfile.read(path)
            except soundfile.LibsndfileError:
                continue
            at, left = 0, left - len(x) / rate
            while at < len(x) and left > 0:
                n = int(rate * rng.uniform(0.4, 1.6))
                if n < len(x) - at or at == 0:
                    yield x[at:at + n] - x.mean(), rate, -1, f"prompt:{who}", "synth"
                at += n


def voices(work):
    """The synthetic voices, as takes() gives the recordings."""
    files = [os.path.join(work, n) for n in ("synth.npz", "foreign.npz", "packaged.npz")]
    for path in [f for f in files if os.path.exists(f)] + sorted(glob.glob(os.path.join(work, "neural_*.npz"))):
        s = dict(np.load(path))
        for (b, e), lab, who in zip(s["bounds"], s["label"], s["voice"].tolist()):
            out = who.startswith("espeak:") and who[7:] in HELD_OUT
            yield s["audio"][b:e] / 32768, SAMPLE_RATE, int(lab), who, "heldout" if out else "synth"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--fsdd", default="../shared/data/fsdd")
    ap.add_argument("--morphs", type=int, default=10, help="re-voicings per real take")
    ap.add_argument("--workers", type=int, default=2)
    a = ap.parse_args()
    audio, label, speaker, kind = [], [], [], []

    def add(x, lab, who, what):
        audio.append(x), label.append(lab), speaker.append(who), kind.append(what)

    counts = {"real": a.morphs, "prompt": VOICES, "flite": 2, "festival": 2, "pico": 4, "piper": 3, "neural": 2}
    clips = [*takes(a.fsdd), *prompts(), *foreign_prompts(np.random.default_rng(8)), *voices(a.work)]
    for x, rate, lab, who, what in clips:
        up, down = {8000: (3, 1), 16000: (3, 2), 24000: (1, 1)}[rate]
        add(normalise(resample_poly(x, up, down)), lab, who, what)
    with mp.Pool(a.workers) as pool:
        for group, count in counts.items():
            some = [c for c in clips if c[2] >= 0 and group == (c[4] if c[4] in ("real", "test") else c[3].split(":")[0])]
            changes = changes_of([c[3] for c in some], count)
            jobs = [(resample_poly(c[0], 2, c[1] // 8000), i, change)
                    for i, (c, (_, change)) in enumerate(zip(some, changes))]
            for c, (numbers, _), made in zip(some, changes, pool.imap(revoice, jobs, chunksize=20)):
                for n, y in zip(numbers, made):
                    add(y, c[2], f"{c[3]}~{n}", "morph" if group == "real" else "synth")
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
