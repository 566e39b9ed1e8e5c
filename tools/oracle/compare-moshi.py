"""Our engine against the `moshi` package on a random checkpoint of the published shapes, in the original layout.

    python compare-moshi.py FOLDER --model 1b --frames 60

Writes the checkpoint (f32: 4.4 GB for the 1b) and moshi.json, what the package's streaming loop makes of a test signal,
then runs our C++ comparison on them: codes and tokens one by one. The model's own dimensions, or with --small those of
the fixtures. Needs requirements-layouts.txt and a build of the core.
"""

import argparse
import gc
import json
import os
import subprocess
import time

import torch

from audio_signal import audio_signal
from checkpoints import make_model
from fixture_list import ROOT
from full_size_shapes import MODELS
from layouts import write_layout
from moshi_stream import stream
from shapes import CheckpointShape, CodecShape, transformers_config

# The published windows: 750 for the 1b, 375 for the 2.6b (specification 1.1).
WINDOWS = {"1b": 750, "2.6b": 375}
LAYOUT = "candle"  # the original names, with pause predictions


def published_shape(name: str) -> CheckpointShape:
    model = MODELS[name]
    codec = CodecShape(
        hidden=512, filters=64, layers=8, heads=8, kv_heads=8, ffn=2048, window=250, codebook_size=2048, codebook_dim=256,
        num_quantizers=32,
    )
    return CheckpointShape(
        hidden=2048, layers=model["layers"], heads=model["heads"], kv_heads=model["heads"], ffn_dim=11264,
        window=WINDOWS[name], vocab_size=model["text"] + 1, num_codebooks=32, delay_seconds=model["delay"],
        prefix_seconds=model["prefix"], codec=codec,
    )


def write_checkpoint(shape: CheckpointShape, seed: int, folder: str) -> None:
    model = make_model(shape, seed)
    features = {"audio_delay_seconds": shape.delay_seconds, "audio_silence_prefix_seconds": shape.prefix_seconds}
    documents = {"config": transformers_config(shape).to_dict(), "features": features}
    write_layout(dict(model.state_dict()), documents, LAYOUT, folder, codec_decoder=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--model", choices=MODELS, default="1b")
    parser.add_argument("--small", action="store_true", help="the dimensions of the fixtures instead")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="use the checkpoint and results that are there")
    arguments = parser.parse_args()
    shape = CheckpointShape() if arguments.small else published_shape(arguments.model)
    if not arguments.keep:
        start = time.monotonic()
        write_checkpoint(shape, arguments.seed, arguments.folder)
        gc.collect()
        print(f"checkpoint written in {time.monotonic() - start:.0f} s", flush=True)
        start = time.monotonic()
        with torch.no_grad():
            result = stream(arguments.folder, audio_signal(arguments.seed, arguments.frames * shape.codec.frame_size))
        print(f"moshi: {arguments.frames} frames in {time.monotonic() - start:.0f} s, loading included; "
              f"closest token decision {result.token_gap:.1e} of the logits' spread", flush=True)
        document = {
            "seed": arguments.seed,
            "frames": arguments.frames,
            "codes": result.codes.tolist(),
            "tokens": result.tokens.tolist(),
            "heads": result.heads.tolist(),
        }
        with open(os.path.join(arguments.folder, "moshi.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
    build = os.path.join(ROOT, "build", "native")
    environment = {**os.environ, "KSTT_KERNEL_DIR": build}
    program = os.path.join(build, "moshi-parity-test")
    raise SystemExit(subprocess.run([program, arguments.folder], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
