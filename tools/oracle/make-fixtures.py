"""Makes test/fixtures/parity: random checkpoints with the results of transformers on them.

    python make-fixtures.py [NAME...] [--out DIR] [--dump DIR]

A fixture is kept only if every decision in it is safe from rounding: transformers in f64 gives the same codes and
tokens, and the closest decision is at least SAFETY times wider than the typical (root mean square) difference that
f32 makes to a decision.
Otherwise the next seed is tried. 16-bit checkpoints must answer alike in their own type and in f32 on MIN_AGREEMENT
of the steps. test/fixtures/parity/README.md describes what is written.
"""

import argparse
import json
import os
import shutil

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.numpy import save_file

from audio_signal import audio_signal
from checkpoints import make_model, make_processor
from fixture_list import FIXTURES, Case, Fixture
from intermediates import dump_all, select_rows
from peaked_head import make_peaked_model
from precision import in_f64
from recorder import Recorder
from reference import Reference
from saving import save_checkpoint
from sensitivity import measure_sensitivity

SAFETY = 10.0
MIN_AGREEMENT = 0.998  # well above the 0.995 asked of a port
MIN_DISTINCT = 0.3
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Unstable(Exception):
    """This seed is no test of a port."""


def _inputs(reference: Reference, case: Case) -> torch.Tensor:
    return reference.input_values([audio_signal(seed, samples) for seed, samples in case.rows])


def _write_checkpoint(fixture: Fixture, seed: int, folder: str) -> None:
    shape = fixture.shape
    processor = make_processor(shape)
    if shape.dtype == "f32":
        model = make_model(shape, seed)
    else:
        audio = audio_signal(*fixture.all_cases()[0].rows[0])
        inputs = processor(audio=audio, sampling_rate=24000, return_tensors="pt")["input_values"]
        model = make_peaked_model(shape, seed, inputs)
    save_checkpoint(model, processor, shape, folder)


def _check_safety(what: str, gaps: np.ndarray, exact_gaps: np.ndarray) -> dict:
    difference = gaps - exact_gaps
    closest, noise = float(gaps.min()), float(np.sqrt((difference**2).mean()))
    if closest < SAFETY * noise:
        raise Unstable(f"{what}: closest decision {closest:.1e}, rounding {noise:.1e}")
    return {"closest_decision": closest, "rounding_rms": noise, "rounding_max": float(np.abs(difference).max())}


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Unstable(reason)


def _run_f32_case(reference: Reference, case: Case, recorder: Recorder | None):
    """Returns (tensors, the manifest's account of the decisions, texts)."""
    inputs = _inputs(reference, case)
    encoded = reference.encode(inputs, recorder)
    with in_f64(reference.model):
        exact = reference.encode(inputs)
    _require(np.array_equal(exact.codes, encoded.codes), "codes differ in f64")
    entry = {"frames": encoded.codes.shape[2], "codes": _check_safety("codes", encoded.gaps, exact.gaps)}
    tokens = reference.generate(inputs, case.audio_window_size, case.max_new_tokens)
    forced = None
    if case.audio_window_size is None:
        forced = reference.force(tokens[:, :-1], encoded.codes, recorder)
        _require(np.array_equal(forced.argmax, tokens[:, 1:]), "step-by-step forcing differs from generate")
    with in_f64(reference.model):
        exact_tokens = reference.generate(inputs, case.audio_window_size, case.max_new_tokens)
        exact_forced = reference.force(tokens[:, :-1], encoded.codes) if forced else None
    _require(np.array_equal(exact_tokens, tokens), "tokens differ in f64")
    if forced:
        entry["tokens"] = _check_safety("tokens", forced.gaps, exact_forced.gaps)
    # The window size changes nothing in encode: one set of codes per input is enough.
    tensors = {"codes": encoded.codes, "tokens": tokens} if forced else {"tokens": tokens}
    return tensors, entry, reference.texts(tokens)


def _run_16_bit_case(reference: Reference, folder: str, case: Case, recorder: Recorder):
    inputs = _inputs(reference, case)
    encoded = reference.encode(inputs)
    tokens = reference.generate(inputs)
    own = reference.force(tokens[:, :-1], encoded.codes)
    upcast = Reference(folder, dtype=torch.float32)
    full = upcast.force(tokens[:, :-1], encoded.codes, recorder)
    upcast.encode(inputs, recorder)
    agreement = float((own.argmax == full.argmax).mean())
    _require(agreement > MIN_AGREEMENT, f"own type and f32 agree on {agreement:.4f} of the steps only")
    tensors = {"codes": encoded.codes, "tokens": tokens, "argmax": own.argmax, "argmax_f32": full.argmax}
    entry = {
        "frames": encoded.codes.shape[2],
        "agreement_with_f32": agreement,
        "closest_decision": float(own.gaps.min()),
        "median_decision": float(np.median(own.gaps)),
        "closest_decision_f32": float(full.gaps.min()),
        "codes": {"closest_decision": float(encoded.gaps.min())},
    }
    return tensors, entry, reference.texts(tokens)


def build(fixture: Fixture, seed: int, folder: str, dump: str | None) -> dict:
    checkpoint = os.path.join(folder, "checkpoint")
    shutil.rmtree(folder, ignore_errors=True)
    _write_checkpoint(fixture, seed, checkpoint)
    reference = Reference(checkpoint)
    is_f32 = fixture.shape.dtype == "f32"
    expected, cases = {}, []
    for case in fixture.all_cases():
        recorder = Recorder(keep_tensors=case.name == "long")
        if is_f32:
            tensors, entry, texts = _run_f32_case(reference, case, recorder)
        else:
            tensors, entry, texts = _run_16_bit_case(reference, checkpoint, case, recorder)
        # save_file writes the memory as it lies, whatever the strides.
        expected.update({f"{case.name}.{name}": np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
        if case.name == "long":
            distinct = len(np.unique(tensors["tokens"])) / tensors["tokens"].size
            _require(distinct >= MIN_DISTINCT, f"only {distinct:.2f} of the tokens are distinct")
            entry["distinct_tokens"] = round(distinct, 3)
            expected.update(select_rows(recorder, fixture.shape))
            if dump:
                dump_all(recorder, fixture.shape, os.path.join(dump, fixture.name))
        cases.append(
            {
                "name": case.name,
                "rows": [{"seed": row_seed, "samples": samples} for row_seed, samples in case.rows],
                "audio_window_size": case.audio_window_size,
                "max_new_tokens": case.max_new_tokens,
                "texts": texts,
                "decisions": entry,
            }
        )
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    manifest = {
        "description": fixture.description,
        "seed": seed,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "tokenizers": tokenizers.__version__,
        "dtype": fixture.shape.dtype,
        "shape": fixture.shape.to_json(),
        "cases": cases,
    }
    if is_f32:
        manifest["sensitivity"] = measure_sensitivity(reference, _inputs(reference, fixture.all_cases()[0]))
    return manifest


def _make_readable(folder: str) -> None:
    """safetensors creates files that only their owner may read."""
    for base, _, names in os.walk(folder):
        for name in names:
            os.chmod(os.path.join(base, name), 0o644)


def _folder_size(folder: str) -> int:
    return sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(folder) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="fixtures to make; all when omitted")
    parser.add_argument("--out", default=os.path.join(ROOT, "test", "fixtures", "parity"))
    parser.add_argument("--dump", help="folder for complete intermediate tensors, for debugging a port")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=40, help="how many seeds to try")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {fixture.name for fixture in FIXTURES}
    if unknown:
        raise SystemExit(f"unknown fixtures {sorted(unknown)}")
    for fixture in FIXTURES:
        if arguments.names and fixture.name not in arguments.names:
            continue
        folder = os.path.join(arguments.out, fixture.name)
        rejected = []
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            try:
                manifest = build(fixture, seed, folder, arguments.dump)
                break
            except Unstable as reason:
                rejected.append({"seed": seed, "reason": str(reason)})
                print(f"{fixture.name}: seed {seed} rejected: {reason}", flush=True)
        else:
            raise SystemExit(f"{fixture.name}: no seed is stable")
        manifest["rejected_seeds"] = rejected
        with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1, ensure_ascii=False)
            file.write("\n")
        _make_readable(folder)
        print(f"{fixture.name}: seed {seed}, {_folder_size(folder) / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
