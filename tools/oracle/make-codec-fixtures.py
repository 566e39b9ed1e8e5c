"""Makes test/fixtures/codec: what transformers' MimiModel does with codes, caches and masks.

    python tools/oracle/make-codec-fixtures.py        (environment: tools/oracle/requirements.txt, with sentencepiece)

Each fixture is a checkpoint with the codec's decoder half, `expected.safetensors`, and `manifest.json`. The audio is
audio_signal(seed, samples) of each row; codes to decode are random, so that every codebook entry may come up.
"""

import json
import os
import shutil
import tempfile

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import DynamicCache

from audio_signal import audio_signal
from checkpoints import make_checkpoint
from fixture_list import ROOT
from layouts import read_checkpoint, write_layout
from reference import Reference
from shapes import CheckpointShape, CodecShape

OUT = os.path.join(ROOT, "test", "fixtures", "codec")
SEEDS = [71, 72]  # of the rows
FRAMES = 44  # beyond both windows
PIECES = [1, 9, 4, 30]  # frames per call of a stream
FEW = 3  # codebooks
# Of long audio only these frames are kept: the first, the seam between pieces, and beyond the window.
KEPT = [0, 1, 9, 10, 11, 14, 43]

FIXTURES = {
    "plain": (None, "the checkpoint of parity/plain-f32: published proportions in small"),
    "varied": (
        CheckpointShape(
            hidden=16, layers=1, heads=2, kv_heads=2, ffn_dim=16, window=20, vocab_size=301, num_codebooks=3,
            delay_seconds=0.1,
            codec=CodecShape(
                hidden=24, filters=3, ratios=[5, 4, 3], residual_layers=2, dilation_growth=3, kernel=5, last_kernel=5,
                residual_kernel=5, compress=1, conv_shortcut=True, layers=2, heads=4, kv_heads=2, head_dim=8, ffn=32,
                window=13, codebook_size=64, codebook_dim=24, num_quantizers=5, num_semantic=2, attention_bias=True,
                pad_mode="replicate", upsample_groups=6,
            ),
        ),
        "no projections around the codebooks, two semantic ones, dilated residual layers with shortcuts, grouped "
        "queries, biases, replicated edges, an upsampling in groups of four channels, a window that ends within a frame",
    ),
    "original": (
        CheckpointShape(
            hidden=16, layers=1, heads=2, kv_heads=2, ffn_dim=48, window=20, vocab_size=301, num_codebooks=4,
            delay_seconds=0.1,
            codec=CodecShape(
                hidden=16, filters=2, ratios=[5, 4, 3], layers=2, heads=2, kv_heads=2, ffn=32, window=13,
                codebook_size=64, codebook_dim=8, num_quantizers=4,
            ),
        ),
        "a checkpoint in Kyutai's own layout, whose codec file has both halves",
    ),
}


def split(tensor: torch.Tensor, frame: int) -> list[torch.Tensor]:
    return list(torch.split(tensor, [n * frame for n in PIECES], dim=-1))


def encode_pieces(codec, audio: torch.Tensor, keep: tuple[bool, bool]) -> torch.Tensor:
    """keep: whether the key-value cache and the padding cache go from call to call."""
    keys, padding, codes = None, None, []
    for piece in split(audio, codec.config.frame_size):
        output = codec.encode(
            piece, encoder_past_key_values=keys, padding_cache=padding, use_streaming=True, return_dict=True
        )
        codes.append(output.audio_codes)
        keys = output.encoder_past_key_values if keep[0] else None
        padding = output.padding_cache if keep[1] else None
    return torch.cat(codes, dim=-1)


def decode_pieces(codec, codes: torch.Tensor) -> torch.Tensor:
    cache, audio = DynamicCache(config=codec.config), []
    for piece in split(codes, 1):
        output = codec.decode(piece, decoder_past_key_values=cache)
        audio.append(output.audio_values)
    return torch.cat(audio, dim=-1)


def kept(audio: torch.Tensor, frame: int) -> np.ndarray:
    """[rows, len(KEPT), frame_size]"""
    rows = audio.reshape(audio.shape[0], -1, frame)
    return np.ascontiguousarray(rows[:, KEPT].numpy())


@torch.no_grad()
def expect(codec) -> dict:
    frame = codec.config.frame_size
    audio = torch.from_numpy(np.stack([audio_signal(seed, FRAMES * frame) for seed in SEEDS]))[:, None]
    generator = torch.Generator().manual_seed(1)
    shape = (len(SEEDS), codec.config.num_quantizers, FRAMES)
    codes = torch.randint(0, codec.config.codebook_size, shape, generator=generator)
    whole = codec.forward(audio[..., : FRAMES * frame - frame // 3], return_dict=True)
    results = {
        "input_codes": codes,
        "encode": codec.encode(audio).audio_codes,
        "encode.partial": codec.encode(audio[..., : FRAMES * frame - frame // 3]).audio_codes,
        "encode.both": encode_pieces(codec, audio, (True, True)),
        "encode.keys": encode_pieces(codec, audio, (True, False)),
        "encode.padding": encode_pieces(codec, audio, (False, True)),
        "forward.codes": whole.audio_codes,
        "lengths": torch.stack([codec.get_encoded_length(torch.tensor(n)) for n in range(0, 3 * frame, 7)]),
        "codes_mask": codec.get_audio_codes_mask(mask(frame)).int(),
        "codes_mask.left": codec.get_audio_codes_mask(mask(frame), padding_side="left").int(),
    }
    tensors = {name: np.ascontiguousarray(value.to(torch.int32).numpy()) for name, value in results.items()}
    tensors["decode"] = kept(codec.decode(codes).audio_values, frame)
    tensors["decode.few"] = kept(codec.decode(codes[:, :FEW]).audio_values, frame)
    tensors["decode.keys"] = kept(decode_pieces(codec, codes), frame)
    tensors["forward.first"] = np.ascontiguousarray(whole.audio_values[..., : 2 * frame].numpy())
    tensors["forward.last"] = np.ascontiguousarray(whole.audio_values[..., -frame:].numpy())
    return tensors


def mask(frame: int) -> torch.Tensor:
    mask = torch.zeros(3, 4 * frame, dtype=torch.int64)
    for row, samples in enumerate([4 * frame, 2 * frame + 1, frame - 1]):
        mask[row, :samples] = 1
    return mask


def write_expected(checkpoint: str, folder: str) -> None:
    codec = Reference(checkpoint).model.codec_model
    del codec.encode  # its repair for generate
    save_file(expect(codec), os.path.join(folder, "expected.safetensors"))


def main() -> None:
    for name, (shape, description) in FIXTURES.items():
        folder = os.path.join(OUT, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        checkpoint = os.path.join(folder, "checkpoint")
        if shape is None:
            checkpoint = os.path.join(ROOT, "test", "fixtures", "parity", "plain-f32", "checkpoint")
        elif name == "original":
            with tempfile.TemporaryDirectory() as source:
                make_checkpoint(shape, 5, source)
                write_expected(source, folder)
                write_layout(*read_checkpoint(source), "original", checkpoint, codec_decoder=True)
        else:
            make_checkpoint(shape, 5, checkpoint)
        if name != "original":
            write_expected(checkpoint, folder)
        manifest = {
            "description": description,
            "checkpoint": os.path.relpath(checkpoint, folder),
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "seeds": SEEDS,
            "frames": FRAMES,
            "pieces": PIECES,
            "few": FEW,
            "kept": KEPT,
        }
        with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
            file.write("\n")
        for base, _, names in os.walk(folder):
            for file_name in names:
                os.chmod(os.path.join(base, file_name), 0o644)


if __name__ == "__main__":
    main()
