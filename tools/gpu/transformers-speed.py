"""Times transformers on a GPU: JSON lines for tools/gpu-check.

    python transformers-speed.py CHECKPOINT [--frames N]

Stages: decoder (one step of one stream with its cache), generate (codec and decoder over noise of N frames).
"""

import argparse
import json
import time

import numpy as np
import torch
from transformers import DynamicCache, KyutaiSpeechToTextForConditionalGeneration
from transformers.utils import logging

WARM_UP = 8

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("checkpoint")
parser.add_argument("--frames", type=int, default=60)
arguments = parser.parse_args()
logging.set_verbosity_error()
logging.disable_progress_bar()


def emit(stage: str, milliseconds: float, frames: int) -> None:
    rate = frames / milliseconds * 1000
    print(json.dumps({"stage": stage, "ms": milliseconds / frames, "frames_per_s": rate}), flush=True)


@torch.no_grad()
def time_decoder(model) -> None:
    config = model.config
    cache = DynamicCache(config=config)
    column = [config.pad_token_id] + [1] * config.num_codebooks
    times = []
    for _ in range(WARM_UP + arguments.frames):
        ids = torch.tensor([[column]], device="cuda")
        begun = time.perf_counter()
        logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits
        int(logits[0, -1].argmax())
        times.append((time.perf_counter() - begun) * 1000)
    emit("decoder", float(np.median(times[WARM_UP:])) * arguments.frames, arguments.frames)


@torch.no_grad()
def time_generate(model) -> None:
    samples = arguments.frames * model.config.frame_size
    audio = torch.from_numpy(np.random.default_rng(1).normal(0, 0.05, (1, 1, samples)).astype(np.float32)).cuda()
    mask = torch.ones(1, samples, dtype=torch.bool, device="cuda")
    for timed in (False, True):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        tokens = model.generate(input_values=audio, padding_mask=mask, do_sample=False)
        torch.cuda.synchronize()
        if timed:
            emit("generate", (time.perf_counter() - begun) * 1000, tokens.shape[1] - 1)


def main() -> None:
    model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(arguments.checkpoint, dtype=torch.bfloat16)
    model = model.eval().cuda()
    time_decoder(model)
    time_generate(model)


if __name__ == "__main__":
    main()
