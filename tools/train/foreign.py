"""English digits in foreign mouths: spelled as other languages would write them, said by those languages' voices.

espeak-ng with its voice variants and festival's Italian, Finnish, Catalan and Czech voices. Writes
<work>/foreign.npz as synth.py writes synth.npz; speakers are "foreign:<language>+<variant>" and "festival:<voice>".
"""
import argparse
import concurrent.futures
import os
import random
import subprocess
import tempfile

import numpy as np
import soundfile

from settings import SAMPLE_RATE, WORDS
from synth import HELD_OUT, VARIANTS, run_wav, save_clips, to_int16

SPELLED = {                                      # language -> one spelling or several of zero ... nine
    "de": ["siro uann tu sri for faif ßix ßewen äit nain", "siro wann tuh srie foor faiw ßiks ßewn eht nain"],
    "fr-fr": ["ziro ouane tou sri fore faïve sixe sévène eïte naïne", "zéro wanne tou tri fôr faïf sixe sévenne ète naïne"],
    "es": ["siro uan tu tri for faif six seven eit nain", "ziro guan tu sri for faiv sics seven eit nain"],
    "it": ["ziro uan tu tri for faiv sics seven eit nain", "siro uon tù sri foor faif six sèven èit nain"],
    "pt-br": ["zirou uãn tu tri fór faiv sics séven eit nain"],
    "nl": ["ziero wan toe srie for faaif siks sevven eet nain", "zirro won toe trie foor faaiv siks sevun eit nain"],
    "pl": ["ziro łan tu fri for fajw siks sewen ejt najn", "zirou uan tu sri for fajf siks sewyn ejt najn"],
    "tr": ["ziro van tu tri for fayv siks sevın eyt nayn"],
    "el": ["ζίρο ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν", "ζίροου γουάν του θρίι φόορ φάιφ σίξ σέβεν έητ νάιν"],
    "ru": ["зиро уан ту сри фор файв сикс сэвен эйт найн"],
    "hi": ["ज़ीरो वन टू थ्री फोर फाइव सिक्स सेवन एट नाइन", "जीरो वान टु थ्री फ़ोर फाइव सिक्स सेवेन एइट नाइन"],
    "hu": ["ziró van tú szri for fájv szix szeven éjt nájn"],
    "cs": ["zírou uan tú srí fór fajv siks sevn ejt najn"],
    "ro": ["ziro uan tu tri for faiv sics seven eit nain"],
    "sv": ["siro wann to tri får fajv sicks sevven ejt najn"],
    "fi": ["siro van tuu trii foor faiv siks seven eit nain"],
}
FESTIVAL = {
    "lp_diphone": "ziro uan tu tri for faiv sics seven eit nain",
    "pc_diphone": "siro uon tu tri for faif sics seven eit nain",
    "suo_fi_lj_diphone": "siro van tuu trii foor faiv siks seven eit nain",
    "hy_fi_mv_diphone": "siro van tuu trii foor faiv siks seven eit nain",
    "upc_ca_ona_hts": "ziro uan tu tri for faiv sics seven eit nain",
    "czech_ph": "ziro uan tu tri for fajv siks sevn ejt najn",
    "czech_dita": "ziro uan tu sri for fajv siks sevn ejt najn",
}


def espeak(job):
    text, digit, language, variant, speed, pitch = job
    try:
        y = to_int16(*run_wav(["espeak-ng", "-v", f"{language}+{variant}", "-s", str(speed), "-p", str(pitch), "--stdout", text]))
    except Exception:
        return None
    return None if y is None else (y, digit, f"foreign:{language}+{variant}")


def festival(voice, spelling, stretch):
    """All digits by one festival process."""
    out, words = [], spelling.split()
    with tempfile.TemporaryDirectory() as d:
        script = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        script += [f'(utt.save.wave (utt.synth (Utterance Text "{w}")) "{d}/{i}.wav")' for i, w in enumerate(words)]
        subprocess.run(["festival", "--pipe"], input="\n".join(script).encode(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in range(len(words)):
            if os.path.exists(f"{d}/{i}.wav"):
                y = to_int16(*soundfile.read(f"{d}/{i}.wav"))
                if y is not None:
                    out.append((y, i, f"festival:{voice}"))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--variants", type=int, default=8, help="espeak variants per spelling")
    a = ap.parse_args()
    rng, jobs = random.Random(6), []
    voices = [v for v in VARIANTS if v not in HELD_OUT]
    for language, spellings in SPELLED.items():
        for spelling in spellings:
            words = spelling.split()
            assert len(words) == len(WORDS), spelling
            for variant in rng.sample(voices, a.variants):
                for _ in range(2):
                    speed, pitch = rng.randint(110, 210), rng.randint(15, 90)
                    jobs += [(w, d, language, variant, speed, pitch) for d, w in enumerate(words)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        clips = list(pool.map(espeak, jobs))
    for voice, spelling in FESTIVAL.items():
        for stretch in (0.75, 0.9, 1.1, 1.3):
            clips += festival(voice, spelling, stretch)
    clips = [c for c in clips if c is not None and len(c[0]) < 1.3 * SAMPLE_RATE]
    print(len(jobs), "asked,", save_clips(os.path.join(a.work, "foreign.npz"), clips))


if __name__ == "__main__":
    main()
