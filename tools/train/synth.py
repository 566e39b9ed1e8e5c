"""Synthetic voices: digits and other English words from espeak-ng, flite and festival.

Writes <work>/synth.npz with
  audio   int16 [sum of lengths], 24 kHz, clips one after the other
  bounds  int64 [clips, 2], first and last+1 sample of each clip
  label   int16 [clips], 0..9 for digits, -1 for any other word
  voice   str   [clips]
"""
import argparse
import concurrent.futures
import io
import os
import random
import subprocess
import tempfile

import numpy as np
import soundfile
from scipy.signal import resample_poly

from settings import SAMPLE_RATE, WORDS

ACCENTS = ["en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"]
VARIANTS = ["Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo",
            "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "announcer", "antonio",
            "aunty", "belinda", "benjamin", "boris", "caleb", "croak", "david", "ed", "edward", "edward2", "f1", "f2",
            "f3", "f4", "f5", "grandma", "grandpa", "gustave", "iven", "iven2", "iven3", "john", "kaukovalta",
            "klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6", "linda", "m1", "m2", "m3", "m4", "m5", "m6",
            "m7", "m8", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob",
            "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac"]
HELD_OUT = {"Andy", "anika", "f4", "klatt3", "m7", "steph2", "zac", "linda", "pablo", "grandpa"}
FLITE = ["kal16", "awb", "rms", "slt"]
FESTIVAL = ["kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"]
OTHER_WORDS = """the of and that have it not you with this but his from they say her she will my all would there
their what up out if about who get which go me when make can like time no just him know take people into year your
good some could them see other than then now look only come its over think also back after use how our work first
well way even new want because any these give day most us house water mother school country world night hand high
place please open window stop start play music light yes hello thanks morning station computer police family city
question answer river mountain yellow orange purple garden table coffee bread winter summer person minute hundred
thousand and plus point dash comma dollar percent number code call phone okay sorry maybe again""".split()


def trim(x, rate):
    """Drop leading and trailing digital silence, keep 10 ms around."""
    loud = np.flatnonzero(np.abs(x) > 0.003 * max(1e-6, np.abs(x).max()))
    if len(loud) == 0:
        return x[:0]
    return x[max(0, loud[0] - rate // 100):loud[-1] + rate // 100]


def to_int16(x, rate):
    """Float mono at any rate -> trimmed int16 at 24 kHz, peak 0.5."""
    x = trim(np.asarray(x, np.float64), rate)
    if len(x) < rate * 0.08:
        return None
    if rate != SAMPLE_RATE:
        g = np.gcd(rate, SAMPLE_RATE)
        x = resample_poly(x, SAMPLE_RATE // g, rate // g)
    return (x / np.abs(x).max() * 16000).astype(np.int16)


def save_clips(path, clips):
    """Writes clips (int16 samples, label, voice) as the file's head describes -> what to print about them."""
    ends = np.cumsum([len(c[0]) for c in clips])
    voices = [c[2] for c in clips]
    np.savez(path, audio=np.concatenate([c[0] for c in clips]), bounds=np.stack([ends - [len(c[0]) for c in clips], ends], 1),
             label=np.array([c[1] for c in clips], np.int16), voice=np.array(voices))
    return f"{len(clips)} clips, {ends[-1] / SAMPLE_RATE / 60:.1f} minutes, {len(set(voices))} voices"


def run_wav(command, stdin=None):
    data = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    x, rate = soundfile.read(io.BytesIO(data))
    return x if x.ndim == 1 else x.mean(1), rate


def espeak(job):
    text, label, accent, variant, speed, pitch = job
    try:
        # espeak-ng writes a wav header with an open length; libsndfile accepts it
        x, rate = run_wav(["espeak-ng", "-v", f"{accent}+{variant}", "-s", str(speed), "-p", str(pitch), "--stdout", text])
        y = to_int16(x, rate)
    except Exception:
        return None
    return None if y is None else (y, label, f"espeak:{variant}")


def flite(job):
    text, label, voice, stretch, mean = job
    with tempfile.NamedTemporaryFile(suffix=".wav") as f:
        subprocess.run(["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}",
                        "--setf", f"int_f0_target_mean={mean}", "-t", text, "-o", f.name],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        x, rate = soundfile.read(f.name)
    y = to_int16(x, rate)
    return None if y is None else (y, label, f"flite:{voice}")


def festival(voice, stretch, words):
    """One festival process for many words."""
    out = []
    with tempfile.TemporaryDirectory() as d:
        script = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        for i, w in enumerate(words):
            script.append(f'(utt.save.wave (utt.synth (Utterance Text "{w}")) "{d}/{i}.wav")')
        subprocess.run(["festival", "--pipe"], input="\n".join(script).encode(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i, w in enumerate(words):
            if os.path.exists(f"{d}/{i}.wav"):
                x, rate = soundfile.read(f"{d}/{i}.wav")
                y = to_int16(x, rate)
                if y is not None:
                    out.append((y, WORDS.index(w) if w in WORDS else -1, f"festival:{voice}"))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--per-variant", type=int, default=5, help="espeak settings per variant")
    a = ap.parse_args()
    rng = random.Random(1)
    jobs = []
    for v in VARIANTS:
        for k in range(a.per_variant):
            accent = ACCENTS[k % 2] if k < 2 else rng.choice(ACCENTS)
            for label, w in enumerate(WORDS):
                jobs.append((w, label, accent, v, rng.randint(110, 230), rng.randint(10, 95)))
        for w in rng.sample(OTHER_WORDS, 16):
            jobs.append((w, -1, rng.choice(ACCENTS), v, rng.randint(120, 240), rng.randint(15, 90)))
    flite_jobs = []
    for v in FLITE:
        for k in range(14):
            for label, w in enumerate(WORDS):
                flite_jobs.append((w, label, v, rng.uniform(0.65, 1.5), rng.randint(80, 230)))
        for w in rng.sample(OTHER_WORDS, 60):
            flite_jobs.append((w, -1, v, rng.uniform(0.7, 1.4), rng.randint(80, 230)))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        clips = list(pool.map(espeak, jobs)) + list(pool.map(flite, flite_jobs))
    for v in FESTIVAL:
        for stretch in (0.75, 0.9, 1.1, 1.3):
            clips += festival(v, stretch, WORDS + rng.sample(OTHER_WORDS, 20))
    clips = [c for c in clips if c is not None]
    print(save_clips(os.path.join(a.work, "synth.npz"), clips))


if __name__ == "__main__":
    main()
