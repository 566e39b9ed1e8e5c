"""Which rows of the recorded tensors a fixture keeps: the first frames, and some after both windows have wrapped."""

import os

import numpy as np
from safetensors.numpy import save_file

from recorder import Recorder
from shapes import CheckpointShape

HEAD_FRAMES, HEAD_ROWS = 4, 48  # the first tensors have up to 1920 rows per frame
WRAPPED_FRAMES, WRAPPED_ROWS = 3, 16
FUSED = (".block.3", ".shortcut", ".residual.")  # no node of their own in our graphs


def rows_per_frame(name: str, shape: CheckpointShape) -> int:
    if not name.startswith("codec.") or name.startswith(("codec.downsample", "codec.semantic", "codec.acoustic")):
        return 1
    if name.startswith("codec.transformer"):
        return 2
    rows, layer = shape.codec.frame_size, int(name.split(".")[2])
    position = 1
    for ratio in reversed(shape.codec.ratios):
        position += shape.codec.residual_layers + 1  # residual blocks, then an ELU
        if layer < position:
            return rows
        rows //= ratio
        position += 1  # the strided convolution itself
    return rows


def wrapped_frame(shape: CheckpointShape) -> int:
    """A frame (or step) that lies beyond both windows twice over."""
    return max(shape.window, shape.codec.window // 2) * 2 + 7


def select_rows(recorder: Recorder, shape: CheckpointShape) -> dict[str, np.ndarray]:
    """'<node>@<first row>' -> f32 [rows, channels], row 0 of the batch."""
    selected = {}
    for name in recorder.tensors:
        if any(part in name for part in FUSED):
            continue
        tensor = recorder.take(name)[0].float().numpy()
        rate = rows_per_frame(name, shape)
        start = wrapped_frame(shape) * rate
        selected[f"{name}@0"] = tensor[: min(HEAD_FRAMES * rate, HEAD_ROWS)].copy()
        selected[f"{name}@{start}"] = tensor[start : start + min(WRAPPED_FRAMES * rate, WRAPPED_ROWS)].copy()
    return selected


def dump_all(recorder: Recorder, shape: CheckpointShape, folder: str, frames: int = 200) -> None:
    """Everything, up to `frames` frames, for debugging."""
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for name in recorder.tensors:
        tensors[name] = recorder.take(name)[0].float().numpy()[: frames * rows_per_frame(name, shape)].copy()
    save_file(tensors, os.path.join(folder, "intermediates.safetensors"))
