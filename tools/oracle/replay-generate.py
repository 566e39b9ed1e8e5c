"""Plays generate() of another implementation again, with its choices, and stores what transformers has in each step.

    python replay-generate.py SEED DIR [--cases N]

Makes a random checkpoint and random options (DIR/requests.json), prints "ready" and waits for a line; then DIR/tokens.json
has the sequences that the other side came to. Each step of transformers is given the other side's token in place of its
own choice, so that both see the same past, draws included. DIR/expected.safetensors and DIR/manifest.json get, per case:
sequences, logits, the scores behind all rules and warpers, what transformers would have chosen by them (-1: rounding could
decide), hidden states, attentions and the cache.

A warper cuts where a sum of probabilities passes a threshold. Where logits with noise of the size of rounding give
another cut, `doubtful` [steps, rows] is 1, and nobody need agree.
"""

import argparse
import json
import os
import random
import sys
from dataclasses import replace

import torch
from safetensors.torch import save_file
from transformers.generation import LogitsProcessor, LogitsProcessorList
from transformers.utils import logging

from audio_signal import audio_signal
from checkpoints import make_checkpoint
from generate_options import draw_options
from random_shape import random_shape
from reference import Reference

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(1)
NOISE = 2e-5  # relative; see TIE in compare-live.py
DRAWS = 4


class Begin(LogitsProcessor):
    """First of a chain: keeps what the model gave."""

    def __call__(self, input_ids, scores):
        self.logits = scores.clone()
        return scores


class Replay(LogitsProcessor):
    """Last of a chain: keeps its result, then lets nothing but the given token through."""

    def __init__(self, begin: Begin, chain: list, tokens: torch.Tensor):
        self.begin, self.chain, self.tokens = begin, chain, tokens
        self.scores, self.choices, self.doubtful = [], [], []
        self.generator = torch.Generator().manual_seed(1)

    def _noisy(self, input_ids):
        logits = self.begin.logits
        noise = torch.randn(logits.shape, generator=self.generator) * NOISE * logits.std(-1, keepdim=True)
        scores = logits + noise
        for processor in self.chain:
            scores = processor(input_ids, scores)
        return scores

    def __call__(self, input_ids, scores):
        noisy = [self._noisy(input_ids) for _ in range(DRAWS)]
        cut = torch.stack([(other == -torch.inf) != (scores == -torch.inf) for other in noisy])
        choice = scores.argmax(-1)
        unsure = torch.stack([other.argmax(-1) != choice for other in noisy]).any(0)
        self.scores.append(scores.clone())
        self.doubtful.append(cut.any(0).any(-1).to(torch.int32))
        self.choices.append(torch.where(unsure, -1, choice).to(torch.int32))
        forced = torch.full_like(scores, -torch.inf)
        step = input_ids.shape[1]
        tokens = self.tokens[:, step] if step < self.tokens.shape[1] else choice
        return forced.scatter(1, tokens[:, None], 0.0)


def play(reference: Reference, inputs: torch.Tensor, case: dict, tokens: list[list[int]]) -> dict:
    model = reference.model
    given = torch.tensor(tokens)
    state = {}
    build = type(model)._get_logits_processor

    def with_replay(self, *args, **kwargs):
        chain = list(build(self, *args, **kwargs))
        begin = Begin()
        state["replay"] = Replay(begin, chain, given)
        return LogitsProcessorList([begin, *chain, state["replay"]])

    model._get_logits_processor = with_replay.__get__(model)
    model.generation_config.audio_window_size = case["audio_window_size"]
    rows = inputs[: case["rows"]]
    try:
        output = model.generate(input_values=rows, return_dict_in_generate=True, output_logits=True, **case["options"])
    finally:
        del model._get_logits_processor
    replay = state["replay"]
    found = {
        "tokens": output.sequences.to(torch.int32),
        "logits": torch.stack(output.logits),
        "scores": torch.stack(replay.scores),
        "choices": torch.stack(replay.choices),
        "doubtful": torch.stack(replay.doubtful),
    }
    for name in ("hidden_states", "attentions"):
        for step, layers in enumerate(output.get(name) or ()):
            found.update({f"{name}.{step}.{i}": layer for i, layer in enumerate(layers)})
    for i, layer in enumerate(output.past_key_values.layers):
        found[f"keys.{i}"], found[f"values.{i}"] = layer.keys, layer.values
    return found


def draw_cases(reference: Reference, inputs: torch.Tensor, seed: int, count: int, foreign: bool) -> list[dict]:
    pick = random.Random(seed)
    greedy = reference.model.generate(input_values=inputs, max_new_tokens=10)[:, 1:]
    likely = sorted(set(greedy.flatten().tolist()))
    cases = []
    for index in range(count):
        options = draw_options(pick, reference.config.vocab_size - 1, likely, foreign)
        cases.append(
            {
                "name": str(index),
                "rows": pick.randint(1, len(inputs)),
                "audio_window_size": pick.choice([None, None, 2, 3]),
                "options": options,
                "seed": pick.randrange(2**32),
            }
        )
    return cases


def write_json(path: str, value) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder")
    parser.add_argument("--cases", type=int, default=16)
    arguments = parser.parse_args()
    seed, folder = arguments.seed, arguments.folder
    checkpoint = os.path.join(folder, "checkpoint")
    shape = replace(random_shape(seed), dtype="f32")
    make_checkpoint(shape, seed, checkpoint)
    reference = Reference(checkpoint)
    reference.model.set_attn_implementation("eager")
    frame = shape.codec.frame_size
    rows = [{"seed": seed * 10 + index, "samples": n} for index, n in enumerate((12 * frame, 9 * frame + 7))]
    inputs = reference.input_values([audio_signal(row["seed"], row["samples"]) for row in rows])
    cases = draw_cases(reference, inputs, seed, arguments.cases, shape.bos == "foreign-row")
    write_json(os.path.join(folder, "requests.json"), {"rows": rows, "cases": cases})
    print("ready", flush=True)
    sys.stdin.readline()
    with open(os.path.join(folder, "tokens.json"), encoding="utf-8") as file:
        given = json.load(file)
    tensors = {}
    for case in cases:
        found = play(reference, inputs, case, given[case["name"]])
        tensors.update({f"{case['name']}/{key}": value.contiguous().clone() for key, value in found.items()})
    save_file(tensors, os.path.join(folder, "expected.safetensors"))


if __name__ == "__main__":
    main()
