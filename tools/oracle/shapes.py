"""Hyper-parameters of a random checkpoint, and their translation to transformers' configs."""

from dataclasses import asdict, dataclass, field, fields

from transformers import KyutaiSpeechToTextConfig, MimiConfig


@dataclass
class CodecShape:
    hidden: int = 32
    filters: int = 4
    ratios: list[int] = field(default_factory=lambda: [8, 6, 5, 4])  # decoder order
    residual_layers: int = 1
    dilation_growth: int = 2
    kernel: int = 7
    last_kernel: int = 3
    residual_kernel: int = 3
    compress: int = 2
    conv_shortcut: bool = False
    layers: int = 2
    heads: int = 4
    kv_heads: int = 4
    head_dim: int | None = None
    ffn: int = 64
    window: int = 50  # columns; two per frame
    rope_theta: float = 10000.0
    attention_bias: bool = False
    codebook_size: int = 64
    codebook_dim: int = 16  # equal to hidden: no input projection
    num_quantizers: int = 8
    num_semantic: int = 1
    pad_mode: str = "constant"
    upsample_groups: int | None = None  # None: one per channel

    @property
    def frame_size(self) -> int:
        product = 2
        for ratio in self.ratios:
            product *= ratio
        return product


@dataclass
class CheckpointShape:
    hidden: int = 48
    layers: int = 3
    heads: int = 4
    kv_heads: int = 4
    head_dim: int | None = None
    ffn_dim: int = 128  # gate and value together
    window: int = 40  # steps
    rope_theta: float = 100000.0
    rms_norm_eps: float = 1e-8
    vocab_size: int = 401  # rows of the text table and of the head, start row included
    num_codebooks: int = 8
    bos: str = "start-row"  # or "foreign-row": an id outside the text table, as 48000 is in the published models
    audio_pad: str = "last-row"  # or "inner-row": as 69569 is in the published 1b model
    delay_seconds: float = 0.5
    prefix_seconds: float = 0.0
    dtype: str = "f32"  # f16, bf16; the codec stays f32
    embeddings_f32: bool = False  # embed_tokens and lm_head stored as f32, as the published conversion does
    rope_spelling: str = "rope_parameters"  # or "rope_theta"
    preprocessor: str = "processor_config.json"  # or "preprocessor_config.json", as before transformers 5
    shards: int = 1
    keep_codec_decoder: bool = True
    codec: CodecShape = field(default_factory=CodecShape)

    @property
    def embedding_rows(self) -> int:
        return self.vocab_size + self.num_codebooks * (self.codec.codebook_size + 1) + 1

    @property
    def bos_token_id(self) -> int:
        return self.vocab_size - 1 if self.bos == "start-row" else self.vocab_size + self.codec.codebook_size + 18

    @property
    def audio_pad_token_id(self) -> int:
        return self.embedding_rows - 1 if self.audio_pad == "last-row" else self.embedding_rows - 30

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "CheckpointShape":
        known = {f.name for f in fields(cls)}
        unknown = set(data) - known
        if unknown:
            raise ValueError(f"unknown shape keys {sorted(unknown)}")
        return cls(**{**data, "codec": CodecShape(**data.get("codec", {}))})


def transformers_config(shape: CheckpointShape) -> KyutaiSpeechToTextConfig:
    codec = shape.codec
    codec_config = MimiConfig(
        hidden_size=codec.hidden,
        num_filters=codec.filters,
        upsampling_ratios=list(codec.ratios),
        num_residual_layers=codec.residual_layers,
        dilation_growth_rate=codec.dilation_growth,
        kernel_size=codec.kernel,
        last_kernel_size=codec.last_kernel,
        residual_kernel_size=codec.residual_kernel,
        compress=codec.compress,
        use_conv_shortcut=codec.conv_shortcut,
        num_hidden_layers=codec.layers,
        num_attention_heads=codec.heads,
        num_key_value_heads=codec.kv_heads,
        head_dim=codec.head_dim,
        intermediate_size=codec.ffn,
        sliding_window=codec.window,
        rope_parameters={"rope_type": "default", "rope_theta": codec.rope_theta},
        attention_bias=codec.attention_bias,
        codebook_size=codec.codebook_size,
        codebook_dim=codec.codebook_dim,
        vector_quantization_hidden_dimension=codec.codebook_dim,
        num_quantizers=codec.num_quantizers,
        num_semantic_quantizers=codec.num_semantic,
        pad_mode=codec.pad_mode,
        upsample_groups=codec.upsample_groups or codec.hidden,
    )
    return KyutaiSpeechToTextConfig(
        codebook_vocab_size=codec.codebook_size + 1,
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        ffn_dim=shape.ffn_dim,
        sliding_window=shape.window,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        rms_norm_eps=shape.rms_norm_eps,
        num_codebooks=shape.num_codebooks,
        audio_bos_token_id=codec.codebook_size,
        audio_pad_token_id=shape.audio_pad_token_id,
        bos_token_id=shape.bos_token_id,
        codec_config=codec_config,
    )


def shape_of(config: KyutaiSpeechToTextConfig) -> CheckpointShape:
    """What the fixtures need to know of a checkpoint that was not made from a shape."""
    codec = config.codec_config
    names = {"torch.float32": "f32", "torch.float16": "f16", "torch.bfloat16": "bf16"}
    return CheckpointShape(
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        window=config.sliding_window,
        vocab_size=config.vocab_size,
        num_codebooks=config.num_codebooks,
        dtype=names[str(config.dtype)],
        codec=CodecShape(
            hidden=codec.hidden_size,
            filters=codec.num_filters,
            ratios=list(codec.upsampling_ratios),
            residual_layers=codec.num_residual_layers,
            layers=codec.num_hidden_layers,
            window=codec.sliding_window,
            codebook_size=codec.codebook_size,
            codebook_dim=codec.codebook_dim,
            num_quantizers=codec.num_quantizers,
        ),
    )
