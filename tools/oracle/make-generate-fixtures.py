"""Remakes test/fixtures/generate: generate() under rules on the scores, and transformers' processors on given scores.

    python make-generate-fixtures.py
"""

import json
import os
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from transformers import GenerationConfig
from transformers.generation import logits_process as lp

from audio_signal import audio_signal
from reference import Reference

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARITY = os.path.join(ROOT, "test", "fixtures", "parity")
TARGET = os.path.join(ROOT, "test", "fixtures", "generate")
STEPS = 9


def generate(reference: Reference, inputs: torch.Tensor, options: dict, config: dict | None = None) -> dict:
    """Tensors of generate()'s result by name."""
    extra = {} if config is None else {"generation_config": GenerationConfig(**config)}
    output = reference.model.generate(
        input_values=inputs, return_dict_in_generate=True, output_scores=True, output_logits=True, **extra, **options
    )
    found = {
        "tokens": output.sequences.to(torch.int32),
        "scores": torch.stack(output.scores),
        "logits": torch.stack(output.logits),
    }
    for name in ("hidden_states", "attentions"):
        if output.get(name) is not None:
            for step in (0, len(output[name]) - 1):
                found.update({f"{name}.{step}.{i}": tensor for i, tensor in enumerate(output[name][step])})
    for i, layer in enumerate(output.past_key_values.layers):
        found[f"keys.{i}"] = layer.keys
    return found


def cases_for(plain: list[list[int]]) -> dict[str, dict]:
    """Options that change what `plain`, the tokens of both rows without any, would be."""
    first, second = plain
    some = sorted({token for row in plain for token in row[1:6]})
    return {
        "plain": {},
        "layers": {"output_hidden_states": True, "output_attentions": True},
        "repetition-penalty": {"repetition_penalty": 1.7},
        "no-repeat-1": {"no_repeat_ngram_size": 1},
        "no-repeat-2": {"no_repeat_ngram_size": 2},
        "bad-words": {"bad_words_ids": [[first[1]], second[2:4], [first[0], first[1]]]},
        "sequence-bias": {"sequence_bias": [[[first[1]], -20.0], [second[1:3], -15.5], [[second[4]], 3.25]]},
        "suppress": {"suppress_tokens": some, "begin_suppress_tokens": [0, 1, 2, 3]},
        "forced": {"forced_bos_token_id": 5, "forced_eos_token_id": 7, "begin_suppress_tokens": some},
        "ends": {"eos_token_id": [first[4], second[7]], "pad_token_id": 11},
        "ends-late": {"eos_token_id": first[2], "min_new_tokens": 5},
        "ends-min-length": {"eos_token_id": first[2], "min_length": 5},
        # Not with min_new_tokens: 5.18 makes NaN of the forbidden end, and takes that for the best score.
        "decay": {"eos_token_id": first[5], "exponential_decay_length_penalty": (2, 1.5)},
        "normalized": {"renormalize_logits": True, "repetition_penalty": 0.6, "remove_invalid_values": True},
        "best-sampled": {"do_sample": True, "top_k": 1, "temperature": 0.7, "repetition_penalty": 1.4},
        "all-together": {
            "repetition_penalty": 1.3,
            "no_repeat_ngram_size": 3,
            "suppress_tokens": some[:2],
            "bad_words_ids": [second[1:3]],
            "eos_token_id": second[7],
        },
    }


def make_generations(name: str) -> None:
    reference = Reference(os.path.join(PARITY, name, "checkpoint"))
    reference.model.set_attn_implementation("eager")
    frame = reference.config.codec_config.frame_size
    rows = [(51, 12 * frame), (52, 9 * frame + 7)]
    audios = [audio_signal(seed, samples) for seed, samples in rows]
    inputs = reference.input_values(audios)
    plain = reference.model.generate(input_values=inputs, max_new_tokens=STEPS)[:, 1:].tolist()
    tensors, cases = {}, []
    runs = [(case, options, None, None) for case, options in cases_for(plain).items()]
    runs.append(("window-3", {}, None, 3))
    runs.append(("configured", {"no_repeat_ngram_size": 2}, {"repetition_penalty": 1.7}, 3))
    for case, options, config, window in runs:
        reference.model.generation_config.audio_window_size = window
        found = generate(reference, inputs, {"max_new_tokens": STEPS, **options}, config)
        tensors.update({f"{case}/{key}": value.contiguous().clone() for key, value in found.items() if keep(case, key)})
        cases.append({"name": case, "options": {"max_new_tokens": STEPS, **options}, "generation_config": config, "audio_window_size": window})
    manifest = {"checkpoint": f"../../parity/{name}/checkpoint", "rows": [{"seed": s, "samples": n} for s, n in rows], "cases": cases}
    write(name, tensors, manifest)


def stored_cases(plain: list[list[int]]) -> list[dict]:
    """Settings in the checkpoint's files: entries of generation_config.json (`stored`) or, without that file, of
    config.json (`config`); options of the call; the argument generation_config."""
    first, second = plain
    some = sorted({token for row in plain for token in row[1:6]})
    rules = {"repetition_penalty": 1.7, "no_repeat_ngram_size": 2, "suppress_tokens": some[:3]}
    ends = {"eos_token_id": [first[4], second[7]], "pad_token_id": 11}
    best = {"do_sample": True, "top_k": 1, "temperature": 0.6}
    return [
        {"name": "rules", "stored": rules},
        {"name": "ends", "stored": ends},
        {"name": "one end", "stored": {"eos_token_id": first[2], "min_new_tokens": 5}},
        {"name": "ends, but not in this call", "stored": ends, "options": {"eos_token_id": None}},
        {"name": "a rule off by null", "stored": rules, "options": {"repetition_penalty": None}},
        {"name": "a rule changed", "stored": rules, "options": {"repetition_penalty": 1.1, "suppress_tokens": []}},
        {"name": "the argument over the file", "stored": rules, "generation_config": {"no_repeat_ngram_size": 1}},
        {"name": "forced", "stored": {"forced_bos_token_id": 5, "begin_suppress_tokens": some, "forced_eos_token_id": 7}},
        {"name": "the best, sampled", "stored": {**best, "repetition_penalty": 1.4}},
        {"name": "not sampled in this call", "stored": {"do_sample": True}, "options": {"do_sample": False}},
        {"name": "a limit that does not count", "stored": {"max_new_tokens": 3, "max_length": 4}},
        {"name": "no end", "stored": {"eos_token_id": -1, "pad_token_id": -1}},
        {"name": "without effect", "stored": {"temperature": 0.5, "length_penalty": 2.0, "encoder_repetition_penalty": 2.0}},
        {"name": "in config.json", "config": {"repetition_penalty": 1.7, "eos_token_id": second[7]}},
        {"name": "config.json does not count", "stored": {}, "config": {"repetition_penalty": 1.7, "eos_token_id": first[2]}},
    ]


def edit_json(path: str, entries: dict) -> None:
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**values, **entries}, file)


def make_stored(name: str) -> None:
    """Tokens of checkpoints whose own files ask for rules."""
    source = os.path.join(PARITY, name, "checkpoint")
    reference = Reference(source)
    frame = reference.config.codec_config.frame_size
    rows = [(51, 12 * frame), (52, 9 * frame + 7)]
    inputs = reference.input_values([audio_signal(seed, samples) for seed, samples in rows])
    plain = reference.model.generate(input_values=inputs, max_new_tokens=STEPS)[:, 1:].tolist()
    cases = []
    for case in stored_cases(plain):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = shutil.copytree(source, os.path.join(folder, "checkpoint"), copy_function=shutil.copyfile)
            edit_json(os.path.join(checkpoint, "config.json"), case.get("config", {}))
            generation = os.path.join(checkpoint, "generation_config.json")
            if "stored" in case:
                edit_json(generation, case["stored"])
            else:
                os.remove(generation)
            model = Reference(checkpoint).model
            config = case.get("generation_config")
            extra = {} if config is None else {"generation_config": GenerationConfig(**config)}
            tokens = model.generate(input_values=inputs, **extra, **case.get("options", {}))
        cases.append({**case, "tokens": tokens.tolist()})
    assert len({str(case["tokens"]) for case in cases}) >= 9
    manifest = {"checkpoint": f"../../parity/{name}/checkpoint", "rows": [{"seed": s, "samples": n} for s, n in rows], "cases": cases}
    write_manifest("stored", manifest)
    print("stored", len(cases), "cases")


def keep(case: str, key: str) -> bool:
    return key in ("tokens", "scores") or case == "layers" or (case == "repetition-penalty" and key == "logits")


def warpers() -> dict[str, list]:
    return {
        "temperature": [lp.TemperatureLogitsWarper(0.6)],
        "top-k": [lp.TopKLogitsWarper(7)],
        "top-k-all": [lp.TopKLogitsWarper(5000)],
        "top-p": [lp.TopPLogitsWarper(0.83)],
        "top-p-0": [lp.TopPLogitsWarper(0.0)],
        "min-p": [lp.MinPLogitsWarper(0.11)],
        "typical-p": [lp.TypicalLogitsWarper(0.37)],
        "typical-p-high": [lp.TypicalLogitsWarper(0.95)],
        "top-h": [lp.TopHLogitsWarper(0.55)],
        "epsilon": [lp.EpsilonLogitsWarper(0.006)],
        "eta": [lp.EtaLogitsWarper(0.02)],
        "normalized": [lp.LogitNormalization()],
        "several": [
            lp.TemperatureLogitsWarper(1.4),
            lp.TopKLogitsWarper(40),
            lp.TopPLogitsWarper(0.9),
            lp.MinPLogitsWarper(0.02),
            lp.TypicalLogitsWarper(0.8),
            lp.LogitNormalization(),
        ],
    }


RULES = {
    "temperature": {"temperature": 0.6},
    "top-k": {"top_k": 7},
    "top-k-all": {"top_k": 5000},
    "top-p": {"top_p": 0.83},
    "top-p-0": {"top_p": 0.0},
    "min-p": {"min_p": 0.11},
    "typical-p": {"typical_p": 0.37},
    "typical-p-high": {"typical_p": 0.95},
    "top-h": {"top_h": 0.55},
    "epsilon": {"epsilon": 0.006},
    "eta": {"eta": 0.02},
    "normalized": {"renormalize": 1},
    "several": {"temperature": 1.4, "top_k": 40, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.8, "renormalize": 1},
}


def make_warpers() -> None:
    """What each warper makes of rows of scores: spread, flat, with one clear winner, with -inf. Rows with ties are for
    top-k alone: which of equal scores torch's sort puts first, and other warpers drop, is nobody's decision."""
    g = torch.Generator().manual_seed(3)
    scores = torch.randn(6, 211, generator=g) * torch.tensor([[3.0], [0.3], [1.5], [2.0], [1.0], [2.5]])
    scores[3, 17] = 25.0
    scores[4, torch.randperm(211, generator=g)[:150]] = -float("inf")
    ids = torch.zeros(6, 1, dtype=torch.long)
    tied = (scores * 2).round() / 2
    tensors = {"scores": scores, "tied": tied, "top-k-tied": lp.TopKLogitsWarper(7)(ids, tied)}
    for name, chain in warpers().items():
        result = scores.clone()
        for warper in chain:
            result = warper(ids, result)
        tensors[name] = result
    cases = [{"name": name, "scores": "scores", "rules": rules} for name, rules in RULES.items()]
    cases.append({"name": "top-k-tied", "scores": "tied", "rules": RULES["top-k"]})
    write("warpers", {k: v.contiguous() for k, v in tensors.items()}, {"cases": cases})


def write(name: str, tensors: dict, manifest: dict) -> None:
    folder = os.path.join(TARGET, name)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "expected.safetensors")
    save_file({key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}, path)
    os.chmod(path, 0o644)
    write_manifest(name, manifest)
    print(name, len(manifest["cases"]), "cases", os.path.getsize(path), "bytes")


def write_manifest(name: str, manifest: dict) -> None:
    folder = os.path.join(TARGET, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump({"transformers": transformers.__version__, "torch": torch.__version__, **manifest}, file, indent=1)
        file.write("\n")


def main() -> None:
    make_warpers()
    for name in ("plain-f32", "gqa-f32"):
        make_generations(name)
    make_stored("plain-f32")


if __name__ == "__main__":
    main()
