"""Random checkpoints of any shape whose results mean something.

The default initialisation gives zero codebooks, layer scales of 0.01 and a constant output: nearly any port would
pass. Here every linear map is scaled so that its output has a chosen spread on real input, and codebooks are drawn
with the mean and covariance of what they quantise, so that all layers, all codes and the whole context matter.

    python checkpoints.py OUT_DIR --seed 1 --set layers=4 --set codec.window=60
"""

import argparse
import json
import os

import numpy as np
import torch
from torch import nn
from transformers import KyutaiSpeechToTextFeatureExtractor, KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor
from transformers.models.mimi.modeling_mimi import MimiConv1d

from audio_signal import audio_signal
from saving import save_checkpoint
from shapes import CheckpointShape, transformers_config
from tokenizer import make_tokenizer

torch.set_num_threads(int(os.environ.get("KSTT_ORACLE_THREADS", "1")))

# Spread of each map's output on calibration input. Residual branches get half of what they are added to.
CODEC_SPREAD = {"block.3": 0.5, "q_proj": 1.3, "k_proj": 1.3}
DECODER_SPREAD = {"o_proj.linear": 0.5, "fc2": 0.5, "q_proj.linear": 1.3, "k_proj.linear": 1.3}
CALIBRATION_FRAMES = 160


def _normal(generator, *shape, std=1.0):
    return torch.randn(*shape, generator=generator) * std


def _randomise(module: nn.Module, generator) -> None:
    """Fresh weights for everything below `module`; the scale of linear maps is set by `_calibrate`."""
    for name, parameter in module.named_parameters():
        if name.endswith("layer_scale.scale"):
            parameter.data = 0.35 + 0.3 * torch.rand(parameter.shape, generator=generator)
        elif "norm" in name and name.endswith("weight"):
            parameter.data = 0.6 + 0.8 * torch.rand(parameter.shape, generator=generator)
        elif parameter.dim() == 1:
            parameter.data = _normal(generator, *parameter.shape, std=0.1)
        else:
            parameter.data = _normal(generator, *parameter.shape, std=parameter[0].numel() ** -0.5)


def _calibrate(root: nn.Module, spread: dict[str, float], run) -> None:
    """Runs `run` once; every map met on the way is scaled to its spread before its output is passed on."""
    handles = []
    seen = set()

    def scale_to(target):
        def hook(module, _inputs, output):
            if module in seen:
                return output
            seen.add(module)
            factor = target / output.std().clamp(min=1e-6)
            module.weight.data *= factor
            if module.bias is not None:
                module.bias.data *= factor
            return output * factor

        return hook

    for name, module in root.named_modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            owner = name.removesuffix(".conv") if isinstance(module, nn.Conv1d) else name
            target = next((value for suffix, value in spread.items() if owner.endswith(suffix)), 1.0)
            handles.append(module.register_forward_hook(scale_to(target)))
    with torch.no_grad():
        run()
    for handle in handles:
        handle.remove()


def _draw_codebooks(codec, latents: torch.Tensor, generator) -> None:
    """latents [N, hidden]. Entries follow mean and covariance of the residual they quantise."""
    for quantizer in (codec.quantizer.semantic_residual_vector_quantizer, codec.quantizer.acoustic_residual_vector_quantizer):
        residual = latents
        if quantizer.input_proj is not None:
            residual = quantizer.input_proj(latents.T[None])[0].T
        for layer in quantizer.layers:
            book = layer.codebook
            size, width = book.embed_sum.shape
            mean = residual.mean(0)
            covariance = torch.cov(residual.T) + 1e-4 * torch.eye(width)
            factor = torch.linalg.cholesky(covariance)
            entries = mean + _normal(generator, size, width) @ factor.T
            usage = 0.5 + 20 * torch.rand(size, generator=generator)
            usage[: size // 32] = 1e-7  # below the clamp of 1e-5, as unused entries of a trained codebook are
            book.cluster_usage.copy_(usage)
            book.embed_sum.copy_(entries * usage.clamp(min=book.epsilon)[:, None])
            book._embed = None
            residual = residual - layer.decode(layer.encode(residual.T[None]))[0].T


def _calibration_audio(seed: int, frame_size: int) -> torch.Tensor:
    return torch.from_numpy(audio_signal(seed, CALIBRATION_FRAMES * frame_size))[None, None]


def _fill_codec(codec, seed: int, generator) -> torch.Tensor:
    """Returns codes [1, num_quantizers, frames] of the calibration audio."""
    _randomise(codec, generator)
    audio = _calibration_audio(seed, codec.config.frame_size)
    latents = []

    def run():
        columns = codec.encoder_transformer(codec.encoder(audio).transpose(1, 2))[0].transpose(1, 2)
        latents.append(codec.downsample(columns))
        for quantizer in (codec.quantizer.semantic_residual_vector_quantizer, codec.quantizer.acoustic_residual_vector_quantizer):
            if quantizer.input_proj is not None:
                quantizer.input_proj(latents[-1])

    _calibrate(codec, CODEC_SPREAD, run)
    with torch.no_grad():
        _draw_codebooks(codec, latents[-1][0].T, generator)
        return codec.encode(audio).audio_codes


def _fill_decoder(model, shape: CheckpointShape, codes: torch.Tensor, generator) -> None:
    _randomise(model.model, generator)
    table = model.model.embed_tokens.embed_tokens.weight
    table.data = _normal(generator, *table.shape, std=(shape.num_codebooks + 1) ** -0.5)
    if shape.audio_pad == "last-row":
        table.data[-1] = 0
    frames = codes.shape[-1]
    text = torch.randint(0, shape.vocab_size - 1, (1, frames, 1), generator=generator)
    ids = torch.cat([text, codes[:, : shape.num_codebooks].transpose(1, 2)], dim=2)
    _calibrate(model.model, DECODER_SPREAD, lambda: model.model(input_ids=ids, use_cache=False))
    model.lm_head.weight.data = _normal(generator, *model.lm_head.weight.shape, std=3 * shape.hidden**-0.5)
    model.lm_head.weight.data[-1] = 0  # the start row has no logit in the original models


def make_model(shape: CheckpointShape, seed: int) -> KyutaiSpeechToTextForConditionalGeneration:
    """A model in f32, evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    model = KyutaiSpeechToTextForConditionalGeneration(transformers_config(shape)).eval()
    model.generation_config.bos_token_id = shape.bos_token_id
    model.generation_config.pad_token_id = 3
    model.generation_config.max_length = None
    with torch.no_grad():
        codes = _fill_codec(model.codec_model, seed, generator)
        _fill_decoder(model, shape, codes, generator)
    return model


def make_processor(shape: CheckpointShape) -> KyutaiSpeechToTextProcessor:
    return KyutaiSpeechToTextProcessor(
        feature_extractor=KyutaiSpeechToTextFeatureExtractor(
            audio_delay_seconds=shape.delay_seconds, audio_silence_prefix_seconds=shape.prefix_seconds
        ),
        tokenizer=make_tokenizer(shape.vocab_size - 1),
    )


def make_checkpoint(shape: CheckpointShape, seed: int, folder: str) -> None:
    save_checkpoint(make_model(shape, seed), make_processor(shape), shape, folder)


def parse_shape(settings: list[str], base: CheckpointShape | None = None) -> CheckpointShape:
    """Applies `key=value` and `codec.key=value`, values in JSON."""
    data = (base or CheckpointShape()).to_json()
    for setting in settings:
        key, _, text = setting.partition("=")
        target, name = (data["codec"], key[6:]) if key.startswith("codec.") else (data, key)
        if name not in target:
            raise SystemExit(f"unknown shape key {key}")
        try:
            target[name] = json.loads(text)
        except json.JSONDecodeError:
            target[name] = text
    return CheckpointShape.from_json(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a field of shapes.py")
    arguments = parser.parse_args()
    make_checkpoint(parse_shape(arguments.set), arguments.seed, arguments.folder)
    print(arguments.folder)


if __name__ == "__main__":
    main()
