"""Word error rate, false alarms, long audio and timing, measured with transformers' generate.

Prints one line per test set; --json writes the same figures.
"""
import argparse
import json
import os

import numpy as np
import torch
from transformers import KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor

import noise
from settings import DELAY_SECONDS, SAMPLE_RATE as SR, SPEAKERS, UNK
from strings import by_digit, edits, make_string


class Recogniser:
    """transformers' own model and processor on a folder."""

    def __init__(self, folder, dtype=torch.float32):
        self.model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
        self.processor = KyutaiSpeechToTextProcessor.from_pretrained(folder)

    @torch.no_grad()
    def __call__(self, waves, batch=64):
        """List of float32 waves -> list of (words, boundary times in seconds)."""
        order = np.argsort([len(w) for w in waves])
        out = [None] * len(waves)
        for a in range(0, len(order), batch):
            part = order[a:a + batch]
            inputs = self.processor(audio=[waves[i] for i in part], sampling_rate=SR)
            ids = self.model.generate(**inputs)
            texts = self.processor.batch_decode(ids, skip_special_tokens=True)
            for i, text, row in zip(part, texts, ids):
                # output column s is the token of step s-1; the boundary of step s is said at 0.08 s - delay
                steps = torch.nonzero(row[1:] == UNK)[:, 0].numpy()
                out[i] = (text.split(), steps * 0.08 - DELAY_SECONDS)
        return out


def score(recognise, strings):
    """Strings of (wave, words, onsets) -> WER, sentence errors, median onset error."""
    results = recognise([s[0] for s in strings])
    wrong = [edits(s[1], r[0]) for s, r in zip(strings, results)]
    words = sum(len(s[1]) for s in strings)
    shift = [abs(t - o) for s, r in zip(strings, results) if len(r[1]) == len(s[2]) for t, o in zip(r[1], s[2])]
    return {"wer": round(100 * sum(wrong) / words, 2), "words": words,
            "strings_wrong": round(100 * float(np.mean([w > 0 for w in wrong])), 1),
            "onset_error_s": round(float(np.median(shift)), 3) if shift else None}


def long_recording(recognise, data, minutes):
    """One recording many times longer than the decoder's window: strings and pauses of 0.5-6 s."""
    rng, parts, words, length = np.random.default_rng(77), [], [], 0
    choice = by_digit(data, "test")
    while length < minutes * 60 * SR:
        x, said, _ = make_string(rng, data, choice)
        parts += [x, np.zeros(int(SR * rng.uniform(0.5, 6.0)), np.float32)]
        words += said
        length += len(parts[-1]) + len(parts[-2])
    got = recognise([np.concatenate(parts)])[0][0]
    return {"minutes": round(length / SR / 60, 1), "words": len(words), "wer": round(100 * edits(words, got) / len(words), 2)}


def alarms(recognise, minutes):
    """Words heard in backgrounds: digital silence and every noise kind at several levels."""
    kinds = noise.bank(991, seconds=20)
    heard, total, rng = {}, 0.0, np.random.default_rng(5)
    pieces = []
    while total < 60 * minutes:
        k = len(pieces) % (len(kinds) + 1)
        level = np.exp(rng.uniform(np.log(0.001), np.log(0.2)))
        x = np.zeros(20 * SR) if k == len(kinds) else np.clip(kinds[k] * level * rng.uniform(0.5, 1), -1, 1)
        pieces.append((k, x.astype(np.float32)))
        total += 20
    for (k, _), (words, _) in zip(pieces, recognise([p[1] for p in pieces], batch=30)):
        heard[k] = heard.get(k, 0) + len(words)
    return {"minutes": round(total / 60, 1), "words": sum(heard.values()), "by_kind": {k: v for k, v in heard.items() if v}}


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("model")
    ap.add_argument("--work", required=True)
    ap.add_argument("--speakers", nargs="*", default=SPEAKERS)
    ap.add_argument("--strings", type=int, default=40, help="strings per speaker")
    ap.add_argument("--noise-minutes", type=float, default=10)
    ap.add_argument("--long-minutes", type=float, default=0)
    ap.add_argument("--all-takes", action="store_true", help="also score the training takes (left-out speakers)")
    ap.add_argument("--bf16", action="store_true")
    ap.add_argument("--json")
    a = ap.parse_args()
    torch.set_num_threads(1)
    data = dict(np.load(os.path.join(a.work, "clips.npz")))
    recognise = Recogniser(a.model, torch.bfloat16 if a.bf16 else torch.float32)
    figures = {}

    def report(name, value):
        figures[name] = value
        print(name, value, flush=True)

    total, pooled = 0.0, 0
    for who in a.speakers:
        rng = np.random.default_rng(100)
        choice = by_digit(data, "test", who)
        if a.all_takes:
            choice = {d: np.concatenate([v, by_digit(data, "real", who)[d]]) for d, v in choice.items()}
        result = score(recognise, [make_string(rng, data, choice) for _ in range(a.strings)])
        report(who, result)
        total, pooled = total + result["wer"] * result["words"], pooled + result["words"]
    report("all speakers", {"wer": round(total / pooled, 2), "words": pooled})
    if len(a.speakers) == len(SPEAKERS):
        rng = np.random.default_rng(101)
        mixed = [make_string(rng, data, by_digit(data, "test")) for _ in range(a.strings)]
        report("mixed speakers", score(recognise, mixed))
    rng = np.random.default_rng(102)
    names = sorted(set(data["speaker"][data["kind"] == "heldout"]))
    voices = [by_digit(data, "heldout", v) for v in names]
    report("held-out synthetic", score(recognise, [make_string(rng, data, voices[i % len(voices)]) for i in range(2 * a.strings)]))
    if a.noise_minutes:
        report("noise", alarms(recognise, a.noise_minutes))
    if a.long_minutes:
        report("long recording", long_recording(recognise, data, a.long_minutes))
    if a.json:
        with open(a.json, "w") as f:
            json.dump(figures, f, indent=2)


if __name__ == "__main__":
    main()
