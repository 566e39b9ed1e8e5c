"""What typical mistakes of a port would change in a fixture: proof that it can fail."""

import numpy as np
import torch
from transformers.models.mimi.modeling_mimi import MimiAttention

from reference import Reference


def measure_sensitivity(reference: Reference, input_values: torch.Tensor) -> dict[str, float]:
    """Share of codes (teacher-forced tokens for the decoder's mistakes) that change with each mistake."""
    codes = reference.encode(input_values).codes
    tokens = reference.generate(input_values)
    report = {}

    def with_codes(name: str) -> None:
        report[name] = float((reference.encode(input_values).codes != codes).mean())

    def with_tokens(name: str) -> None:
        report[name] = float((reference.force(tokens[:, :-1], codes).argmax != tokens[:, 1:]).mean())

    codec, config = reference.model.codec_model, reference.config
    window = codec.config.sliding_window
    for change in (-1, 1):
        codec.config.sliding_window = window + change
        with_codes(f"codec_window{change:+d}")
    codec.config.sliding_window = window
    codec.downsample.pad_mode = "constant"
    with_codes("codec_downsample_zero_padding")
    codec.downsample.pad_mode = "replicate"
    for module in codec.modules():
        if isinstance(module, MimiAttention):
            module.scaling *= 1.01
    with_codes("codec_attention_scale_1_percent")
    for module in codec.modules():
        if isinstance(module, MimiAttention):
            module.scaling /= 1.01
    window = config.sliding_window
    for change in (-1, 1):
        config.sliding_window = window + change
        with_tokens(f"decoder_window{change:+d}")
    config.sliding_window = window
    shifted = np.roll(codes, 1, axis=2)
    report["decoder_frame_late"] = float((reference.force(tokens[:, :-1], shifted).argmax != tokens[:, 1:]).mean())
    return {name: round(value, 4) for name, value in report.items()}
