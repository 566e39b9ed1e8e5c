"""The reference in double precision.

`model.double()` alone is not enough: transformers computes RMSNorm, rotary angles and codebook distances in f32
whatever the model's type is. Within `in_f64(model)` they follow the model.
"""

import contextlib

import torch
from transformers.models.kyutai_speech_to_text import modeling_kyutai_speech_to_text as stt
from transformers.models.mimi import modeling_mimi as mimi


def _rms_norm(self, x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def _rotary(self, x, position_ids):
    config = self.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    angles = position_ids[..., None].double() * config.rope_parameters["rope_theta"] ** -exponents
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


def _distances(hidden_states, entries):
    return (hidden_states[:, None] - entries[None]).norm(dim=-1)


def _quantize(self, hidden_states):
    return _distances(hidden_states, self.embed).argmin(dim=-1)


PATCHES = [
    (stt.KyutaiSpeechToTextRMSNorm, "forward", _rms_norm),
    (stt.KyutaiSpeechToTextRotaryEmbedding, "forward", _rotary),
    (mimi.MimiRotaryEmbedding, "forward", _rotary),
    (mimi.MimiEuclideanCodebook, "quantize", _quantize),
]


@contextlib.contextmanager
def in_f64(model):
    """Yields `model`, converted to f64; converts it back to f32 afterwards (exact for weights that came from f32)."""
    saved = [(owner, name, getattr(owner, name)) for owner, name, _ in PATCHES]
    for owner, name, function in PATCHES:
        setattr(owner, name, function)
    _forget_codebooks(model.double())
    try:
        yield model
    finally:
        for owner, name, function in saved:
            setattr(owner, name, function)
        _forget_codebooks(model.float())


def _forget_codebooks(model) -> None:
    for module in model.modules():
        if isinstance(module, mimi.MimiEuclideanCodebook):
            module._embed = None
