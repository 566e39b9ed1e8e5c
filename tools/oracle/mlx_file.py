"""Names and quantization of the MLX repositories (specification 2.3), with MLX itself."""

import mlx.core as mx
import numpy as np
import torch

GROUPS = {8: 64, 4: 32}  # of the published files


def _renamed(name: str) -> str:
    if name.startswith("emb."):
        return f"audio_embs.{name[4:]}"
    return name.replace("in_proj_weight", "in_proj.weight").replace(".alpha", ".weight")


def _to_mlx(tensor: torch.Tensor) -> mx.array:
    return mx.array(tensor.float().numpy()).astype(mx.bfloat16)


def _to_torch(array: mx.array) -> torch.Tensor:
    if array.dtype == mx.bfloat16:
        return torch.from_numpy(np.array(array.astype(mx.float32))).to(torch.bfloat16)
    return torch.from_numpy(np.array(array))


def quantize(tensor: torch.Tensor, bits: int) -> dict[str, torch.Tensor]:
    """Keys: weight, scales, biases."""
    parts = mx.quantize(_to_mlx(tensor), group_size=GROUPS[bits], bits=bits)
    return dict(zip(("weight", "scales", "biases"), map(_to_torch, parts)))


def dequantize(parts: dict[str, torch.Tensor], bits: int) -> torch.Tensor:
    """As MLX computes it, in bf16."""
    weight = mx.array(parts["weight"].numpy())
    scales, biases = (_to_mlx(parts[name]) for name in ("scales", "biases"))
    return _to_torch(mx.dequantize(weight, scales, biases, group_size=GROUPS[bits], bits=bits))


def mlx_tensors(lm: dict, bits: int | None) -> dict:
    out = {}
    for name, tensor in lm.items():
        target = _renamed(name)
        if tensor.dim() == 3:
            tensor = tensor.flatten()
        if bits and tensor.dim() == 2 and tensor.shape[1] % GROUPS[bits] == 0:
            stem = target.removesuffix(".weight")
            out.update({f"{stem}.{part}": value for part, value in quantize(tensor, bits).items()})
        else:
            out[target] = tensor.contiguous()
    return out
