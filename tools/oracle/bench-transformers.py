"""Times transformers on a checkpoint: JSON lines shaped like those of bench/ (bench/README.md), for ratios side by side.

    python bench-transformers.py CHECKPOINT [--threads N] [--seconds S] [--dtype auto|bfloat16|float32]

Stages as there: streaming-codec (one frame per call, with caches), streaming-decoder (one step), streaming-total (their
sum), generate-total (generate over the whole input), process.
"""

import argparse
import json
import os
import resource
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("checkpoint")
parser.add_argument("--threads", type=int, default=0, help="0: all that torch takes")
parser.add_argument("--seconds", type=float, default=30.0, help="length of the audio")
parser.add_argument("--dtype", default="auto")
arguments = parser.parse_args()
os.environ["KSTT_ORACLE_THREADS"] = str(arguments.threads or len(os.sched_getaffinity(0)))

import numpy as np
import torch
import transformers
from transformers import DynamicCache
from transformers.models.mimi.modeling_mimi import MimiConv1dPaddingCache

from audio_signal import audio_signal
from reference import Reference

WARM_UP = 10  # steps left out of the distribution


def emit(stage: str, **fields) -> None:
    print(json.dumps({"stage": stage, **fields}), flush=True)


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


def rates(frames: int, milliseconds: float, frame_rate: float) -> dict:
    return {
        "frames": frames,
        "frames_per_s": rounded(frames / milliseconds * 1000),
        "real_time_factor": rounded(milliseconds / 1000 / (frames / frame_rate)),
    }


def distribution(times: list[float]) -> dict:
    kept = np.sort(times[min(WARM_UP, len(times) // 2) :])
    rank = lambda share: rounded(kept[max(0, int(np.ceil(share * len(kept))) - 1)])
    return {"ms_p50": rank(0.5), "ms_p95": rank(0.95), "ms_max": rounded(kept[-1])}


def padding_cache(codec) -> MimiConv1dPaddingCache:
    convs = [codec.encoder.get_submodule(name) for name in codec.encoder._mimiconv1d_layer_names] + [codec.downsample]
    return MimiConv1dPaddingCache(
        num_layers=len(convs),
        per_layer_padding=[conv.padding_total for conv in convs],
        per_layer_padding_mode=[conv.pad_mode for conv in convs],
        per_layer_in_channels=[conv.in_channels for conv in convs],
    )


@torch.no_grad()
def time_codec(reference: Reference, audio: torch.Tensor) -> tuple[list[float], np.ndarray]:
    codec, size = reference.model.codec_model, reference.config.frame_size
    cache, padding, times, codes = DynamicCache(config=codec.config), padding_cache(codec), [], []
    for start in range(0, audio.shape[-1] - size + 1, size):
        begun = time.perf_counter()
        output = codec.encode(audio[..., start : start + size], encoder_past_key_values=cache, padding_cache=padding)
        times.append((time.perf_counter() - begun) * 1000)
        codes.append(output.audio_codes)
    return times, torch.cat(codes, dim=2).numpy()


@torch.no_grad()
def time_decoder(reference: Reference, codes: np.ndarray) -> list[float]:
    config = reference.config
    cache, times, token = DynamicCache(config=config), [], config.bos_token_id
    for step in range(codes.shape[2]):
        column = codes[0, : config.num_codebooks, step - 1] if step else [config.audio_bos_token_id] * config.num_codebooks
        ids = torch.tensor([[[token, *[int(code) for code in column]]]])
        begun = time.perf_counter()
        logits = reference.model(input_ids=ids, past_key_values=cache, use_cache=True).logits
        token = int(logits[0, -1].argmax())
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main() -> None:
    begun = time.perf_counter()
    reference = Reference(arguments.checkpoint, arguments.dtype)
    loaded = (time.perf_counter() - begun) * 1000
    config = reference.config
    rate = config.codec_config.sampling_rate
    frame_rate = rate / config.frame_size
    emit(
        "environment",
        backend=f"transformers {transformers.__version__}, torch {torch.__version__}",
        threads=torch.get_num_threads(),
        model=os.path.basename(os.path.normpath(arguments.checkpoint)),
        weight_type=str(reference.model.model.norm.weight.dtype).removeprefix("torch."),
        weight_bytes=sum(p.numel() * p.element_size() for p in reference.model.parameters()),
        audio_seconds=arguments.seconds,
    )
    emit("load", create_ms=rounded(loaded))
    audio = torch.from_numpy(audio_signal(1, int(arguments.seconds * rate)))[None, None]
    codec_times, codes = time_codec(reference, audio)
    decoder_times = time_decoder(reference, codes)
    total = [a + b for a, b in zip(codec_times, decoder_times)]
    for name, times in (("codec", codec_times), ("decoder", decoder_times), ("total", total)):
        emit(f"streaming-{name}", **rates(len(times), sum(times), frame_rate), **distribution(times))
    begun = time.perf_counter()
    tokens = reference.generate(audio)
    emit("generate-total", **rates(tokens.shape[1] - 1, (time.perf_counter() - begun) * 1000, frame_rate))
    emit("process", peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
