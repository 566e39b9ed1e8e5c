"""Shapes of random checkpoints: layers, heads, grouped queries, head_dim, windows, codebooks and the codec's own."""

import random

from shapes import CheckpointShape, CodecShape


def random_shape(seed: int) -> CheckpointShape:
    pick = random.Random(seed)
    heads = pick.choice([2, 4, 6])
    codec_heads = pick.choice([2, 4])
    book_dim = pick.choice([8, 12, 16])
    quantizers = pick.randint(4, 8)
    codec = CodecShape(
        hidden=codec_heads * pick.choice([8, 12]),
        filters=pick.choice([3, 4, 6]),
        ratios=pick.choice([[8, 6, 5, 4], [6, 5, 4, 2], [5, 4, 3, 2], [4, 4, 3], [7, 3], [2, 2, 2, 3, 5]]),
        residual_layers=pick.choice([1, 1, 2]),
        dilation_growth=pick.choice([1, 2, 3]),
        kernel=pick.choice([5, 7]),
        residual_kernel=pick.choice([3, 5]),
        conv_shortcut=pick.random() < 0.3,
        layers=pick.randint(1, 3),
        heads=codec_heads,
        kv_heads=pick.choice([codec_heads, codec_heads // 2]),
        head_dim=pick.choice([None, 8, 10]),
        ffn=pick.choice([32, 48]),
        window=pick.choice([16, 25, 60]),
        codebook_size=pick.choice([32, 64, 128]),
        codebook_dim=book_dim,
        num_quantizers=quantizers,
        num_semantic=pick.choice([1, 1, 2]),
    )
    shape = CheckpointShape(
        hidden=heads * pick.choice([8, 12]),
        layers=pick.randint(1, 5),
        heads=heads,
        kv_heads=pick.choice([heads, heads // 2, 1]),
        head_dim=pick.choice([None, 8, 14, 32]),
        ffn_dim=pick.choice([64, 90, 128]),
        window=pick.choice([17, 40, 64]),
        vocab_size=pick.choice([120, 351, 500]),
        num_codebooks=pick.randint(2, quantizers),
        bos=pick.choice(["start-row", "foreign-row"]),
        audio_pad=pick.choice(["last-row", "inner-row"]),
        delay_seconds=pick.choice([0.1, 0.5]),
        prefix_seconds=pick.choice([0.0, 0.33]),
        dtype=pick.choice(["f32", "f32", "f32", "bf16", "f16"]),
        rope_spelling=pick.choice(["rope_parameters", "rope_theta"]),
        preprocessor=pick.choice(["processor_config.json", "preprocessor_config.json"]),
        shards=pick.choice([1, 1, 3]),
        codec=codec,
    )
    # Drawn last, so that a seed's other fields stay what they were.
    codec.upsample_groups = pick.choice([None, codec.hidden // 4, 1])
    codec.pad_mode = pick.choice(["constant", "constant", "replicate"])
    return shape
