"""Every tensor of the published checkpoints in the transformers layout (specification 1.1, 2.4, 2.6)."""

BF16, F32 = "BF16", "F32"
MODELS = {
    # The published conversion leaves the 1b model's window at 375 although it was trained with 750 (5.4 c).
    "1b": {"layers": 16, "heads": 16, "text": 8000, "delay": 0.5, "prefix": 0.0, "max_position": 375},
    "2.6b": {"layers": 48, "heads": 32, "text": 4000, "delay": 2.5, "prefix": 1.0, "max_position": 750},
}
PUBLISHED_WINDOW = 375  # steps
HIDDEN, FFN, CODEBOOKS, CARD, PAD_ROW = 2048, 11264, 32, 2048, 69569


def decoder_tensors(model: dict, embedding_type: str):
    """Yields (name, type, shape, kind); kind says how to draw the values, see make-full-size.py."""
    rows = model["text"] + 1 + CODEBOOKS * (CARD + 1) + 1
    yield "model.embed_tokens.embed_tokens.weight", embedding_type, (rows, HIDDEN), "table"
    for layer in range(model["layers"]):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            yield f"{prefix}self_attn.{name}_proj.linear.weight", BF16, (HIDDEN, HIDDEN), "linear"
        yield f"{prefix}mlp.fc1.weight", BF16, (FFN, HIDDEN), "linear"
        yield f"{prefix}mlp.fc2.weight", BF16, (HIDDEN, FFN // 2), "linear"
        yield f"{prefix}input_layernorm.weight", BF16, (HIDDEN,), "norm"
        yield f"{prefix}post_attention_layernorm.weight", BF16, (HIDDEN,), "norm"
    yield "model.norm.weight", BF16, (HIDDEN,), "norm"
    yield "lm_head.weight", embedding_type, (model["text"] + 1, HIDDEN), "table"


def _conv(name: str, out: int, inner: int, kernel: int):
    yield f"{name}.weight", F32, (out, inner, kernel), "linear"
    yield f"{name}.bias", F32, (out,), "bias"


def _codec_transformer(name: str):
    for layer in range(8):
        prefix = f"codec_model.{name}.layers.{layer}."
        for part in "qkvo":
            yield f"{prefix}self_attn.{part}_proj.weight", F32, (512, 512), "linear"
        yield f"{prefix}mlp.fc1.weight", F32, (2048, 512), "linear"
        yield f"{prefix}mlp.fc2.weight", F32, (512, 2048), "linear"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{prefix}{norm}.weight", F32, (512,), "norm"
            yield f"{prefix}{norm}.bias", F32, (512,), "bias"
        for scale in ("self_attn_layer_scale", "mlp_layer_scale"):
            yield f"{prefix}{scale}.scale", F32, (512,), "scale"


def codec_encoder_tensors():
    prefix = "codec_model.encoder.layers."
    yield from _conv(f"{prefix}0.conv", 64, 1, 7)
    width = 64
    for stage, ratio in enumerate((4, 5, 6, 8)):
        index = 1 + 3 * stage
        yield from _conv(f"{prefix}{index}.block.1.conv", width // 2, width, 3)
        yield from _conv(f"{prefix}{index}.block.3.conv", width, width // 2, 1)
        yield from _conv(f"{prefix}{index + 2}.conv", 2 * width, width, 2 * ratio)
        width *= 2
    yield from _conv(f"{prefix}14.conv", 512, 1024, 3)
    yield from _codec_transformer("encoder_transformer")
    yield "codec_model.downsample.conv.weight", F32, (512, 512, 4), "linear"
    for kind, count in (("semantic", 1), ("acoustic", CODEBOOKS - 1)):
        prefix = f"codec_model.quantizer.{kind}_residual_vector_quantizer."
        yield f"{prefix}input_proj.weight", F32, (256, 512, 1), "linear"
        yield f"{prefix}output_proj.weight", F32, (512, 256, 1), "linear"
        for index in range(count):
            book = f"{prefix}layers.{index}.codebook."
            yield f"{book}cluster_usage", F32, (CARD,), "usage"
            yield f"{book}embed_sum", F32, (CARD, 256), "entries"
            yield f"{book}initialized", F32, (1,), "usage"


def codec_decoder_tensors():
    yield "codec_model.upsample.conv.weight", F32, (512, 1, 4), "linear"
    yield from _codec_transformer("decoder_transformer")
    prefix = "codec_model.decoder.layers."
    yield from _conv(f"{prefix}0.conv", 1024, 512, 7)
    width = 1024
    for stage, ratio in enumerate((8, 6, 5, 4)):
        index = 2 + 3 * stage
        yield f"{prefix}{index}.conv.weight", F32, (width, width // 2, 2 * ratio), "linear"
        yield f"{prefix}{index}.conv.bias", F32, (width // 2,), "bias"
        width //= 2
        yield from _conv(f"{prefix}{index + 1}.block.1.conv", width // 2, width, 3)
        yield from _conv(f"{prefix}{index + 1}.block.3.conv", width, width // 2, 1)
    yield from _conv(f"{prefix}14.conv", 1, 64, 3)
