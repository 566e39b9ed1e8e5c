"""What the `moshi` package makes of a checkpoint in the original layout: its own loader, its own streaming loop."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from moshi.models import LMGen
from moshi.models.loaders import CheckpointInfo


@dataclass
class Streamed:
    codes: np.ndarray  # i32 [frames, n_q]
    tokens: np.ndarray  # i32 [1 + frames]: of the step without audio, then one per frame
    heads: np.ndarray  # f32 [1 + frames, n_heads, classes]; n_heads 0 without pause predictions
    code_gap: float  # closest decision of the codec, see closest_codes
    token_gap: float  # closest decision between two tokens, over the spread of the logits


def load(folder: str) -> CheckpointInfo:
    """from_hf_repo takes local files too, but asks the Hub for config.json."""
    import json

    raw = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
    lm = dict(raw)
    names = {key: lm.pop(key, None) for key in ("moshi_name", "mimi_name", "mimi_config_name", "tokenizer_name")}
    rest = {key: lm.pop(key, {}) for key in ("lm_gen_config", "tts_config", "stt_config", "model_id")}
    kind = lm.pop("model_type", "moshi")
    mimi = names["mimi_config_name"]
    return CheckpointInfo(
        Path(folder, names["moshi_name"] or "model.safetensors"),
        Path(folder, names["mimi_name"]),
        Path(folder, names["tokenizer_name"]),
        lm,
        raw,
        json.loads(Path(folder, mimi).read_text(encoding="utf-8")) if mimi else None,
        kind,
        **rest,
    )


@torch.no_grad()
def stream(folder: str, samples: np.ndarray, dtype=torch.float32) -> Streamed:
    """Frame by frame, as moshi.run_inference does: frame 0 is given twice, its first use only starts the clock."""
    info = load(folder)
    mimi = info.get_mimi("cpu")
    lm = info.get_moshi("cpu", dtype=dtype)
    generator = LMGen(lm, use_sampling=False)
    codes, tokens, heads, gaps = [], [], [], []
    lm.text_linear.register_forward_hook(lambda _module, _inputs, logits: gaps.append(_gap(logits)))
    size = int(mimi.sample_rate / mimi.frame_rate)

    def step(frame: torch.Tensor) -> None:
        if lm.extra_heads:
            out, probabilities = generator.step_with_extra_heads(frame)
            heads.append(torch.stack([p[0, 0] for p in probabilities]).float().numpy())
        else:
            out = generator.step(frame)
        tokens.append(int(out[0, 0, 0]))

    with mimi.streaming(1), generator.streaming(1):
        for start in range(0, len(samples) - size + 1, size):
            frame = mimi.encode(torch.from_numpy(samples[start : start + size])[None, None])
            codes.append(frame[0, :, 0].numpy().astype(np.int32))
            if start == 0:
                step(frame)
            step(frame)
    n_classes = heads[0].shape if heads else (0, 0)
    return Streamed(
        np.stack(codes),
        np.array(tokens, dtype=np.int32),
        np.stack(heads) if heads else np.zeros((len(tokens), *n_classes), dtype=np.float32),
        0.0,
        min(gaps),
    )


def _gap(logits: torch.Tensor) -> float:
    flat = logits.float().flatten()
    best = torch.topk(flat, 2).values
    return float((best[0] - best[1]) / flat.std())
