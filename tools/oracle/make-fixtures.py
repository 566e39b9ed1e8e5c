"""Makes test/fixtures/parity: random checkpoints with the results of transformers on them.

    python make-fixtures.py [NAME...] [--out DIR] [--dump DIR]

A fixture is kept only if every decision in it is safe from rounding: transformers in f64 gives the same codes and
tokens, and the closest decision is at least SAFETY times wider than the typical (root mean square) difference that f32
makes to a decision. Otherwise the next seed is tried. 16-bit checkpoints must answer alike in their
own type and in f32 on MIN_AGREEMENT of the steps. test/fixtures/parity/README.md describes what is written.
"""

import argparse
import hashlib
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
from fixture_cases import Unstable, case_inputs, encode_case, generate_16_bit, generate_f32, require
from fixture_list import FIXTURES, ROOT, Fixture, Recording
from intermediates import dump_all, select_rows
from peaked_head import make_peaked_model
from recorder import Recorder
from reference import Reference
from saving import save_checkpoint
from sensitivity import measure_sensitivity
from shapes import shape_of

SAFETY = 10.0
SAFETY_EXISTING = 4.0  # of a model that is not ours to change
MIN_DISTINCT = 0.3


def _write_checkpoint(fixture: Fixture, seed: int, folder: str) -> None:
    shape = fixture.shape
    processor = make_processor(shape)
    if shape.dtype == "f32":
        model = make_model(shape, seed)
    else:
        audio = audio_signal(*fixture.all_cases(seed)[0].rows[0])
        inputs = processor(audio=audio, sampling_rate=24000, return_tensors="pt")["input_values"]
        model = make_peaked_model(shape, seed, inputs)
    save_checkpoint(model, processor, shape, folder)


def _row_json(row) -> dict:
    if isinstance(row, Recording):
        return {"file": row.file, "repeat": row.repeat, "silence": row.silence}
    return {"seed": row[0], "samples": row[1]}


def build(fixture: Fixture, seed: int, folder: str, dump: str | None) -> dict:
    shutil.rmtree(folder, ignore_errors=True)
    if fixture.existing:
        os.makedirs(folder)
        checkpoint = os.path.join(ROOT, fixture.existing)
    else:
        checkpoint = os.path.join(folder, "checkpoint")
        _write_checkpoint(fixture, seed, checkpoint)
    reference = Reference(checkpoint)
    shape = fixture.shape or shape_of(reference.config)
    is_f32 = shape.dtype == "f32"
    upcast = None if is_f32 else Reference(checkpoint, dtype=torch.float32)
    expected, cases = {}, []
    safety = SAFETY_EXISTING if fixture.existing else SAFETY
    recorder = Recorder(keep_tensors=True)  # of the case "long"
    # The codes of all cases first: they reject most seeds, and cost least.
    works = [
        encode_case(upcast or reference, case, recorder if case.name == "long" else None, safety)
        for case in fixture.all_cases(seed)
    ]
    for work in works:
        case, case_recorder = work.case, recorder if work.case.name == "long" else None
        if is_f32:
            tensors, texts = generate_f32(reference, work, case_recorder, safety)
        else:
            tensors, texts = generate_16_bit(reference, upcast, work, case_recorder)
        # save_file writes the memory as it lies, whatever the strides.
        expected.update({f"{case.name}.{name}": np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
        if case.name == "long":
            distinct = len(np.unique(tensors["tokens"])) / tensors["tokens"].size
            # A trained model has little to say about a test signal.
            require(distinct >= MIN_DISTINCT or fixture.existing is not None, f"only {distinct:.2f} of the tokens are distinct")
            work.decisions["distinct_tokens"] = round(distinct, 3)
            expected.update(select_rows(recorder, shape))
            if dump:
                dump_all(recorder, shape, os.path.join(dump, fixture.name))
        cases.append(
            {
                "name": case.name,
                "rows": [_row_json(row) for row in case.rows],
                "audio_window_size": case.audio_window_size,
                "max_new_tokens": case.max_new_tokens,
                "texts": texts,
                "decisions": work.decisions,
            }
        )
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    manifest = {
        "description": fixture.description,
        "seed": seed,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "tokenizers": tokenizers.__version__,
        "dtype": shape.dtype,
        "shape": shape.to_json(),
        "cases": cases,
    }
    if fixture.existing:
        manifest["checkpoint"] = os.path.relpath(checkpoint, folder)
        with open(os.path.join(checkpoint, "model.safetensors"), "rb") as file:
            manifest["checkpoint_sha256"] = hashlib.sha256(file.read()).hexdigest()
    if is_f32:
        manifest["sensitivity"] = measure_sensitivity(reference, case_inputs(reference, fixture.all_cases(seed)[0]))
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
        fresh = f"{folder}.new"  # beside the final place, for the manifest's relative path
        rejected = []
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            try:
                manifest = build(fixture, seed, fresh, arguments.dump)
                break
            except Unstable as reason:
                rejected.append({"seed": seed, "reason": str(reason)})
                print(f"{fixture.name}: seed {seed} rejected: {reason}", flush=True)
        else:
            shutil.rmtree(fresh, ignore_errors=True)
            raise SystemExit(f"{fixture.name}: no seed is stable")
        manifest["rejected_seeds"] = rejected
        with open(os.path.join(fresh, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1, ensure_ascii=False)
            file.write("\n")
        _make_readable(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(fresh, folder)
        print(f"{fixture.name}: seed {seed}, {_folder_size(folder) / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
