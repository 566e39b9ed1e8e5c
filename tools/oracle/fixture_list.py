"""The fixtures: what differs between the checkpoints, and which inputs each one is run on."""

import os
from dataclasses import dataclass, field, replace

from shapes import CheckpointShape, CodecShape


LONG_FRAMES = 505  # of the long input, the processor's padding not counted
SIGNAL_FRAMES = 240  # the same for an existing checkpoint, whose long input is a recording
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@dataclass
class Recording:
    """A wav file at the model's rate, `repeat` times in a row, after `silence` zero samples."""

    file: str  # from the repository's root
    repeat: int = 1
    silence: int = 0

    def path(self) -> str:
        return os.path.join(ROOT, self.file)


@dataclass
class Case:
    name: str
    rows: list  # (signal seed, samples) or Recording; several make one padded batch
    audio_window_size: int | None = None
    max_new_tokens: int | None = None


@dataclass
class Fixture:
    name: str
    description: str
    shape: CheckpointShape | None = None
    existing: str | None = None  # folder of a checkpoint that is not ours to make, from the repository's root
    recordings: dict[str, Recording] = field(default_factory=dict)  # cases of an existing checkpoint

    def all_cases(self, seed: int) -> list[Case]:
        if self.existing:
            # The checkpoint is given, so the seed changes the inputs.
            signal = Case("long", [(10 + seed, SIGNAL_FRAMES * 1920 + 640)])
            rows = {name: replace(recording, silence=7 * seed) for name, recording in self.recordings.items()}
            return [signal, *(Case(name, [row]) for name, row in rows.items())]
        frame = self.shape.codec.frame_size
        long = Case("long", [(11, LONG_FRAMES * frame + frame // 3)])
        if self.shape.dtype != "f32":
            return [long]
        batch = [(21, 70 * frame), (22, 31 * frame + 1), (23, 55 * frame + frame - 1), (24, frame // 2)]
        windowed = [(31, 64 * frame + 5)]
        return [
            long,
            Case("batch", batch),
            Case("window-1", windowed, audio_window_size=1),
            Case("window-3", windowed, audio_window_size=3),
            Case("window-10", windowed, audio_window_size=10),
            Case("window-10-batch", batch, audio_window_size=10),
            Case("limited", [(41, 9 * frame)], max_new_tokens=7),
            Case("one-sample", [(42, 1)]),
        ]


FIXTURES = [
    Fixture(
        "plain-f32",
        "published proportions in small: 3 layers, all heads, 1920 samples per frame",
        CheckpointShape(),
    ),
    Fixture(
        "gqa-f32",
        "grouped queries in both transformers, head_dim unequal hidden / heads, fewer decoder codebooks than "
        "quantizers, odd codec window, BOS and audio pad in foreign rows, old spellings of config.json",
        CheckpointShape(
            hidden=64, layers=2, heads=8, kv_heads=2, head_dim=12, ffn_dim=96, window=33, vocab_size=351,
            num_codebooks=5, bos="foreign-row", audio_pad="inner-row", delay_seconds=0.8, prefix_seconds=0.61,
            rope_spelling="rope_theta", preprocessor="preprocessor_config.json", keep_codec_decoder=False,
            rms_norm_eps=1e-6,
            codec=CodecShape(
                hidden=40, heads=4, kv_heads=2, head_dim=16, layers=3, ffn=72, window=37, num_quantizers=7,
                codebook_size=128, rope_theta=5000.0,
            ),
        ),
    ),
    Fixture(
        "short-frames-f32",
        "240 samples per frame, no projection before the codebooks, two semantic codebooks, multi-query attention, "
        "six layers",
        CheckpointShape(
            hidden=32, layers=6, heads=2, kv_heads=1, head_dim=32, ffn_dim=64, window=64, vocab_size=601,
            num_codebooks=4, delay_seconds=0.25, prefix_seconds=0.3, keep_codec_decoder=False, rope_theta=10000.0,
            codec=CodecShape(
                hidden=24, filters=6, ratios=[5, 4, 3, 2], layers=1, heads=2, kv_heads=2, ffn=48, window=90,
                codebook_size=256, codebook_dim=24, num_quantizers=6, num_semantic=2,
            ),
        ),
    ),
    Fixture(
        "sharded-f32",
        "three shards, two dilated residual layers per stage, convolution shortcuts, other kernels, three stages, "
        "150 samples per frame",
        CheckpointShape(
            hidden=40, layers=2, heads=4, kv_heads=4, head_dim=20, ffn_dim=112, window=50, vocab_size=451,
            num_codebooks=6, delay_seconds=0.1, prefix_seconds=0.2, shards=3, keep_codec_decoder=False,
            bos="foreign-row",
            codec=CodecShape(
                hidden=32, filters=5, ratios=[5, 5, 3], residual_layers=2, dilation_growth=3, kernel=5, last_kernel=5,
                residual_kernel=5, compress=1, conv_shortcut=True, layers=2, heads=2, kv_heads=1, head_dim=24, ffn=40,
                window=61, codebook_size=64, codebook_dim=12, num_quantizers=6,
            ),
        ),
    ),
    Fixture(
        "bf16",
        "decoder in bf16, embeddings and head stored as f32 as in the published conversions, codec in f32",
        CheckpointShape(
            hidden=64, layers=4, heads=4, kv_heads=2, head_dim=32, ffn_dim=128, window=48, vocab_size=601,
            num_codebooks=8, dtype="bf16", embeddings_f32=True, bos="foreign-row", keep_codec_decoder=False,
            delay_seconds=0.5,
        ),
    ),
    Fixture(
        "bf16-mha",
        "decoder all in bf16, as many keys as queries and whole MLX groups of columns: the model of test/fixtures/layouts",
        CheckpointShape(
            hidden=64, layers=3, heads=4, kv_heads=4, ffn_dim=128, window=45, vocab_size=401, num_codebooks=8,
            dtype="bf16", keep_codec_decoder=False, delay_seconds=0.5,
            codec=CodecShape(hidden=16, filters=2, heads=2, kv_heads=2, ffn=32, codebook_dim=8, window=38),
        ),
    ),
    Fixture(
        "bf16-sharded",
        "decoder all in bf16, two shards, head_dim 8",
        CheckpointShape(
            hidden=64, layers=3, heads=8, kv_heads=8, ffn_dim=176, window=75, vocab_size=651, num_codebooks=6,
            dtype="bf16", shards=2, keep_codec_decoder=False, delay_seconds=0.4, prefix_seconds=0.5,
            preprocessor="preprocessor_config.json",
            codec=CodecShape(ratios=[6, 5, 4, 2], num_quantizers=6),
        ),
    ),
    Fixture(
        "f16",
        "decoder in f16",
        CheckpointShape(
            hidden=48, layers=4, heads=6, kv_heads=3, ffn_dim=128, window=60, vocab_size=701, num_codebooks=7,
            dtype="f16", keep_codec_decoder=False, delay_seconds=0.6, prefix_seconds=0.25, rope_spelling="rope_theta",
            codec=CodecShape(ratios=[5, 4, 4, 3], num_quantizers=7, layers=3, window=44),
        ),
    ),
    Fixture(
        "digits-en",
        "the embedded model on a test signal and on its sample recording",
        existing="models/digits-en",
        recordings={
            "recording": Recording("models/digits-en/sample.wav"),
            "recording-long": Recording("models/digits-en/sample.wav", repeat=8),
        },
    ),
]
