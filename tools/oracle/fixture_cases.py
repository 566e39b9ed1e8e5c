"""Runs one case of a fixture on transformers and decides whether its results can be relied on."""

from dataclasses import dataclass

import numpy as np
import soundfile
import torch

from audio_signal import audio_signal
from fixture_list import Case, Recording
from precision import in_f64
from recorder import Recorder
from reference import Encoded, Reference

MIN_AGREEMENT = 0.998  # well above the 0.995 asked of a port


class Unstable(Exception):
    """This seed is no test of a port."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Unstable(reason)


def case_inputs(reference: Reference, case: Case) -> torch.Tensor:
    return reference.input_values([_audio(row) for row in case.rows])


def _audio(row) -> np.ndarray:
    if isinstance(row, Recording):
        samples = soundfile.read(row.path(), dtype="float32")[0]
        return np.concatenate([np.zeros(row.silence, dtype=np.float32), np.tile(samples, row.repeat)])
    return audio_signal(*row)


@dataclass
class EncodedCase:
    case: Case
    inputs: torch.Tensor
    encoded: Encoded
    decisions: dict  # the manifest's account


def _check_safety(what: str, gaps: np.ndarray, exact_gaps: np.ndarray, safety: float) -> dict:
    difference = gaps - exact_gaps
    closest, noise = float(gaps.min()), float(np.sqrt((difference**2).mean()))
    require(closest >= safety * noise, f"{what}: closest decision {closest:.1e}, rounding {noise:.1e}")
    return {"closest_decision": closest, "rounding_rms": noise, "rounding_max": float(np.abs(difference).max())}


def encode_case(reference: Reference, case: Case, recorder: Recorder | None, safety: float) -> EncodedCase:
    """`reference` in f32, as every codec is."""
    inputs = case_inputs(reference, case)
    encoded = reference.encode(inputs, recorder)
    with in_f64(reference.model):
        exact = reference.encode(inputs)
    require(np.array_equal(exact.codes, encoded.codes), f"{case.name}: codes differ in f64")
    codes = _check_safety(f"{case.name}: codes", encoded.gaps, exact.gaps, safety)
    return EncodedCase(case, inputs, encoded, {"frames": encoded.codes.shape[2], "codes": codes})


def generate_f32(reference: Reference, work: EncodedCase, recorder: Recorder | None, safety: float):
    """Returns (tensors, texts); adds to work.decisions."""
    case, codes = work.case, work.encoded.codes
    tokens = reference.generate(work.inputs, case.audio_window_size, case.max_new_tokens)
    forced = None
    if case.audio_window_size is None:
        forced = reference.force(tokens[:, :-1], codes, recorder)
        require(np.array_equal(forced.argmax, tokens[:, 1:]), "step-by-step forcing differs from generate")
    with in_f64(reference.model):
        exact_tokens = reference.generate(work.inputs, case.audio_window_size, case.max_new_tokens)
        exact_forced = reference.force(tokens[:, :-1], codes) if forced else None
    require(np.array_equal(exact_tokens, tokens), f"{case.name}: tokens differ in f64")
    if forced:
        work.decisions["tokens"] = _check_safety(f"{case.name}: tokens", forced.gaps, exact_forced.gaps, safety)
    # The window size changes nothing in encode: one set of codes per input is enough.
    return {"codes": codes, "tokens": tokens} if forced else {"tokens": tokens}, reference.texts(tokens)


def generate_16_bit(reference: Reference, upcast: Reference, work: EncodedCase, recorder: Recorder | None):
    """As generate_f32. `upcast` holds the same weights in f32; the intermediate tensors are its."""
    codes = work.encoded.codes
    tokens = reference.generate(work.inputs)
    # A run that rounding can divert says little about a port: its tokens feed back.
    require(np.array_equal(upcast.generate(work.inputs), tokens), f"{work.case.name}: generate differs in f32")
    own = reference.force(tokens[:, :-1], codes)
    full = upcast.force(tokens[:, :-1], codes, recorder)
    agreement = float((own.argmax == full.argmax).mean())
    require(agreement > MIN_AGREEMENT, f"{work.case.name}: own type and f32 agree on {agreement:.4f} of the steps only")
    work.decisions["tokens"] = {
        "agreement_with_f32": agreement,
        "closest_decision": float(own.gaps.min()),
        "median_decision": float(np.median(own.gaps)),
        "closest_decision_f32": float(full.gaps.min()),
    }
    tensors = {"codes": codes, "tokens": tokens, "argmax": own.argmax, "argmax_f32": full.argmax}
    return tensors, reference.texts(tokens)
