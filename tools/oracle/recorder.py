"""Records intermediate tensors of the reference under the names that the C++ graphs give their nodes.

    codec.layers.<i>                    SEANet convolution or residual block i (numbered as in transformers)
    codec.layers.<i>.block.1            first convolution inside residual block i
    codec.transformer.<l>.attn_out      residual stream after the attention of layer l
    codec.transformer.<l>.out           output of layer l
    codec.downsample                    latent, one row per frame
    codec.semantic.input_proj, codec.acoustic.input_proj    what the first codebook of each kind quantises
    decoder.embed                       sum of the embedding rows
    decoder.layers.<l>.attn_out         residual stream after the attention of layer l
    decoder.layers.<l>.out              output of layer l
    decoder.norm, decoder.logits

and, only in debug dumps, what our graphs fuse away: codec.layers.<i>.block.3, codec.layers.<i>.shortcut,
codec.<kind>.residual.<j> (what codebook j quantises). All are time-major: [rows, time, channels].
"""

import contextlib

import numpy as np
import torch
from transformers.models.mimi.modeling_mimi import MimiConv1d, MimiResnetBlock


class Recorder:
    def __init__(self, keep_tensors: bool = False):
        self.keep = keep_tensors
        self.tensors: dict[str, list[torch.Tensor]] = {}
        self.code_gaps: list[np.ndarray] = []  # one per codebook in code order, [rows * frames]

    def take(self, name: str) -> torch.Tensor:
        """[rows, time, channels]"""
        return torch.cat(self.tensors[name], dim=1)

    def _add(self, name: str, tensor: torch.Tensor) -> None:
        if self.keep:
            self.tensors.setdefault(name, []).append(tensor.detach().clone())

    def _hook_input(self, module, name: str):
        return module.register_forward_pre_hook(lambda _module, inputs: self._add(name, inputs[0]))

    def _hook(self, module, name: str, channels_first: bool = False):
        def hook(_module, _inputs, output):
            tensor = output[0] if isinstance(output, tuple) else output
            self._add(name, tensor.transpose(1, 2) if channels_first else tensor)

        return module.register_forward_hook(hook)

    @contextlib.contextmanager
    def on_codec(self, codec):
        handles = [
            self._hook(module, f"codec.{name}", channels_first=True)
            for name, module in codec.encoder.named_modules()
            if isinstance(module, (MimiConv1d, MimiResnetBlock))
        ]
        for index, layer in enumerate(codec.encoder_transformer.layers):
            handles.append(self._hook_input(layer.post_attention_layernorm, f"codec.transformer.{index}.attn_out"))
            handles.append(self._hook(layer, f"codec.transformer.{index}.out"))
        handles.append(self._hook(codec.downsample, "codec.downsample", channels_first=True))
        wrapped = self._wrap_quantizers(codec.quantizer)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for layer in wrapped:
                del layer.encode

    def _wrap_quantizers(self, quantizer) -> list:
        wrapped = []
        for kind in ("semantic", "acoustic"):
            part = getattr(quantizer, f"{kind}_residual_vector_quantizer")
            for index, layer in enumerate(part.layers):
                # Without a projection the first codebook quantises codec.downsample itself.
                first = f"codec.{kind}.input_proj" if part.input_proj is not None else None
                name = f"codec.{kind}.residual.{index}" if index else first

                def encode(hidden_states, layer=layer, name=name):
                    residual = hidden_states.transpose(1, 2)
                    if name is not None:
                        self._add(name, residual)
                    self.code_gaps.append(_distance_gaps(residual.reshape(-1, residual.shape[-1]), layer.codebook.embed))
                    return type(layer).encode(layer, hidden_states)

                layer.encode = encode
                wrapped.append(layer)
        return wrapped

    @contextlib.contextmanager
    def on_decoder(self, model):
        handles = [self._hook(model.model.embed_tokens, "decoder.embed")]
        for index, layer in enumerate(model.model.layers):
            handles.append(self._hook_input(layer.post_attention_layernorm, f"decoder.layers.{index}.attn_out"))
            handles.append(self._hook(layer, f"decoder.layers.{index}.out"))
        handles.append(self._hook(model.model.norm, "decoder.norm"))
        handles.append(self._hook(model.lm_head, "decoder.logits"))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _distance_gaps(points: torch.Tensor, entries: torch.Tensor) -> np.ndarray:
    """(second - best) / best Euclidean distance of each point, in f64 from the given values."""
    gaps = []
    entries = entries.double()
    for part in points.double().split(4096):
        best = torch.cdist(part, entries, compute_mode="donot_use_mm_for_euclid_dist").topk(2, largest=False).values
        gaps.append(((best[:, 1] - best[:, 0]) / best[:, 0].clamp(min=1e-12)).numpy())
    return np.concatenate(gaps)
