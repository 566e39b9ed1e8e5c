"""Random checkpoints, transformers against our command line: codes and tokens must be identical.

    python compare-live.py [--seed S] [--count N] [--set KEY=VALUE...] [--keep DIR]

Each seed makes a checkpoint of random shape (`--set` fixes fields of shapes.py), three recordings, and compares
`encode`, codes decoded to audio (relative error, and a stream against the whole), `generate` of each recording, of all as
one batch, and with audio windows. Prints one line per comparison;
exit status 1 if any differs. A difference is excused only where the reference itself, in f64, shows that the first
decision that differs is a tie within rounding.
"""

import argparse
import base64
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import wave

import numpy as np
import torch

from audio_signal import audio_signal_int16
from checkpoints import make_checkpoint, make_processor, parse_shape
from peaked_head import make_peaked_model
from precision import in_f64
from random_shape import random_shape
from reference import Reference
from saving import save_checkpoint
from shapes import CheckpointShape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DECODE = os.path.join(ROOT, "tools", "oracle", "decode-codes.mjs")
CLI = ["node", os.path.join(ROOT, "dist", "cli", "main.js")]
TIE = 2e-5  # relative gap below which f32 summation order may decide; see rounding_rms in the fixtures' manifests
MAX_AUDIO_ERROR = 1e-4  # relative, root of summed squares
MIN_AGREEMENT = 0.995  # of 16-bit tokens
SHORTEST = 2400  # samples; the command line refuses recordings of a few milliseconds
WINDOWS = (1, 4)
LONG_FRAMES = 110  # of the first recording: beyond all windows


def write_wav(path: str, samples: np.ndarray, rate: int = 24000) -> None:
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def run_cli(command: str, checkpoint: str, files: list[str], *extra: str) -> list[dict]:
    result = subprocess.run(
        [*CLI, command, *files, "--model", checkpoint, "--backend", "cpu", "--threads", "1", "--format", "json", *extra],
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise RuntimeError(f"{command} ended with {result.returncode}: {result.stderr.strip()[:500]}")
    return [json.loads(line) for line in result.stdout.splitlines()]


class Comparison:
    """One seed. `verdicts` holds (name, passed, remark)."""

    def __init__(self, checkpoint: str, shape: CheckpointShape, folder: str, seed: int):
        self.checkpoint, self.shape = checkpoint, shape
        self.reference = Reference(checkpoint)
        frame = shape.codec.frame_size
        pick = random.Random(seed)
        self.files, self.audios = [], []
        lengths = (LONG_FRAMES * frame + pick.randrange(frame), 30 * frame, pick.randrange(1, 3 * frame))
        for index, length in enumerate(lengths):
            samples = audio_signal_int16(seed * 10 + index, max(length, SHORTEST))
            self.files.append(os.path.join(folder, f"{index}.wav"))
            write_wav(self.files[-1], samples)
            self.audios.append(samples.astype(np.float32) / np.float32(32768))
        self.verdicts = []

    def run(self) -> None:
        for index, file in enumerate(self.files):
            self._codes(f"encode {index}", file, self.audios[index])
        self._audio("decode")
        if self.shape.dtype != "f32":
            return self._tokens("generate 0", self.files[:1], self.audios[:1])  # the one that the head was fitted to
        for index, file in enumerate(self.files):
            self._tokens(f"generate {index}", [file], [self.audios[index]])
        self._tokens("generate batch", self.files, self.audios)
        for window in WINDOWS:
            self._tokens(f"generate window {window}", self.files[:1], self.audios[:1], window)

    def _codes(self, name: str, file: str, audio: np.ndarray) -> None:
        inputs = self.reference.input_values([audio])
        expected = self.reference.encode(inputs)
        found = np.array(run_cli("encode", self.checkpoint, [file])[0]["codes"])[None]
        if found.shape != expected.codes.shape:
            return self._judge(name, False, f"shape {found.shape[1:]} instead of {expected.codes.shape[1:]}")
        wrong = np.argwhere(np.swapaxes(found != expected.codes, 1, 2))
        if not len(wrong):
            return self._judge(name, True, f"{expected.codes.shape[2]} frames")
        _, frame, book = wrong[0]
        gap = self._exact_code_gap(inputs, book, frame)
        self._judge(name, gap < TIE, f"{len(wrong)} codes differ, first frame {frame} codebook {book}, gap {gap:.1e}")

    def _audio(self, name: str) -> None:
        """Random codes of two rows: every entry of every codebook may come up, unlike in codes of recordings."""
        codec = self.reference.model.codec_model
        generator = torch.Generator().manual_seed(len(self.verdicts))
        codes = torch.randint(0, codec.config.codebook_size, (2, codec.config.num_quantizers, 70), generator=generator)
        with torch.no_grad():
            expected = codec.decode(codes).audio_values.float().numpy()
        request = {"checkpoint": self.checkpoint, "codes": codes.tolist(), "pieces": [1, 13, 2, 54]}
        result = subprocess.run(["node", DECODE], input=json.dumps(request), capture_output=True, text=True)
        if result.returncode != 0:
            return self._judge(name, False, result.stderr.strip()[:500])
        answer = json.loads(result.stdout)
        found = np.frombuffer(base64.b64decode(answer["audio"]), dtype="<f4").reshape(answer["dims"])
        if found.shape != expected.shape:
            return self._judge(name, False, f"shape {found.shape} instead of {expected.shape}")
        error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
        passed = error <= MAX_AUDIO_ERROR and answer["samePieces"]
        self._judge(name, passed, f"relative error {error:.1e}" + ("" if answer["samePieces"] else ", a stream differs"))

    def _exact_code_gap(self, inputs: torch.Tensor, book: int, frame: int) -> float:
        with in_f64(self.reference.model):
            return float(self.reference.encode(inputs).gaps[0, book, frame])

    def _tokens(self, name: str, files: list[str], audios: list[np.ndarray], window: int | None = None) -> None:
        inputs = self.reference.input_values(audios)
        expected = self.reference.generate(inputs, window)
        extra = [] if window is None else ["--audio-window-size", str(window)]
        lines = run_cli("generate", self.checkpoint, files, *extra)
        found = np.array([line["tokens"] for line in lines])
        if found.shape != expected.shape:
            return self._judge(name, False, f"shape {found.shape} instead of {expected.shape}")
        texts_equal = [line["text"] for line in lines] == self.reference.texts(found)
        wrong = np.argwhere((found != expected).T)
        if not len(wrong):
            return self._judge(name, texts_equal, f"{expected.shape[1] - 1} steps" + ("" if texts_equal else ", texts differ"))
        step, row = wrong[0]
        remark = f"{len(wrong)} tokens differ, first row {row} step {step}"
        if self.shape.dtype != "f32":
            return self._judge(name, *self._forced_agreement(inputs, found, remark))
        if window is not None:
            call = self._first_doubtful_call(inputs, window)
            return self._judge(name, call < step, f"{remark}; f64 has other codes from call {call:g} on")
        gap = self._exact_token_gap(inputs, expected, row, step)
        self._judge(name, gap < TIE, f"{remark}, gap {gap:.1e}")

    def _forced_agreement(self, inputs, found, remark) -> tuple[bool, str]:
        """16-bit runs part ways at the first close decision; what counts is how our own tokens look to the reference.
        It must agree when it computes with the same weights in f32, as we do; and in its own type as often as it then
        agrees with itself, since the head's wide margins end where our tokens leave the recording it was fitted to."""
        codes = self.reference.encode(inputs).codes
        own = self.reference.force(found[:, :-1], codes).argmax
        full = Reference(self.checkpoint, "float32").force(found[:, :-1], codes).argmax
        with_own, with_full, itself = (
            float((a == b).mean()) for a, b in ((own, found[:, 1:]), (full, found[:, 1:]), (own, full))
        )
        passed = with_full >= MIN_AGREEMENT and with_own >= min(MIN_AGREEMENT, itself)
        return passed, f"{remark}; forced agreement {with_own:.4f}, in f32 {with_full:.4f}, of both {itself:.4f}"

    def _first_doubtful_call(self, inputs, window: int) -> float:
        """The first frame read by a windowed generate whose codes the reference itself decides otherwise in f64."""
        own = self._windowed_codes(inputs, window)
        with in_f64(self.reference.model):
            exact = self._windowed_codes(inputs, window)
        wrong = (own != exact).any(dim=1).any(dim=0).nonzero()
        return float(wrong[0]) if len(wrong) else float("inf")

    @torch.no_grad()
    def _windowed_codes(self, inputs, window: int) -> torch.Tensor:
        """As generate reads them: the first window twice, every window without keys and values of the one before."""
        codec = self.reference.model.codec_model
        frame = codec.config.frame_size
        whole = inputs[..., : inputs.shape[-1] // frame * frame].to(next(codec.parameters()).dtype)
        windows = torch.split(whole, window * frame, dim=-1)
        cache, codes = None, []
        for piece in (windows[0], *windows):
            output = codec.encode(piece, padding_cache=cache, use_streaming=True)
            cache = output.padding_cache
            codes.append(output.audio_codes[:, : self.reference.config.num_codebooks])
        return torch.cat(codes, dim=-1)

    def _exact_token_gap(self, inputs, expected, row, step) -> float:
        codes = self.reference.encode(inputs).codes
        with in_f64(self.reference.model):
            return float(self.reference.force(expected[:, :step], codes).gaps[row, step - 1])

    def _judge(self, name: str, passed: bool, remark: str) -> None:
        self.verdicts.append((name, passed, remark))


def write_random_checkpoint(shape: CheckpointShape, seed: int, folder: str) -> None:
    if shape.dtype == "f32":
        return make_checkpoint(shape, seed, folder)
    # The random head of an f32 checkpoint would leave too many close decisions to 16-bit rounding.
    processor = make_processor(shape)
    samples = audio_signal_int16(seed * 10, LONG_FRAMES * shape.codec.frame_size).astype(np.float32) / np.float32(32768)
    inputs = processor(audio=samples, sampling_rate=24000, return_tensors="pt")["input_values"]
    save_checkpoint(make_peaked_model(shape, seed, inputs), processor, shape, folder)


def compare_seed(seed: int, settings: list[str], keep: str | None) -> bool:
    shape = parse_shape(settings, random_shape(seed))
    folder = os.path.join(keep, str(seed)) if keep else tempfile.mkdtemp(prefix="kstt-oracle-")
    os.makedirs(folder, exist_ok=True)
    checkpoint = os.path.join(folder, "checkpoint")
    try:
        write_random_checkpoint(shape, seed, checkpoint)
        comparison = Comparison(checkpoint, shape, folder, seed)
        try:
            comparison.run()
        except RuntimeError as error:
            comparison.verdicts.append(("command line", False, str(error)))
    finally:
        if not keep:
            shutil.rmtree(folder)
    print(f"seed {seed}: {shape.dtype}, {shape.layers} layers, frame {shape.codec.frame_size}, {shape.num_codebooks} codebooks")
    for name, passed, remark in comparison.verdicts:
        print(f"  {'ok  ' if passed else 'FAIL'} {name}: {remark}", flush=True)
    return all(passed for _, passed, _ in comparison.verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--count", type=int, default=3, help="number of seeds")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="fixes a field of shapes.py")
    parser.add_argument("--keep", help="folder to keep checkpoints and recordings in")
    arguments = parser.parse_args()
    if not os.path.exists(CLI[1]):
        raise SystemExit("dist/cli/main.js is missing. Run: npm run build")
    results = [compare_seed(arguments.seed + i, arguments.set, arguments.keep) for i in range(arguments.count)]
    print(f"{sum(results)} of {len(results)} seeds agree")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
