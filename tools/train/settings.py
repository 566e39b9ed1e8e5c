"""Constants shared by every stage: rates, vocabulary, delay and the model configuration."""
SAMPLE_RATE = 24000            # Hz
FRAME = 1920                   # samples per codec frame (80 ms)
FRAME_RATE = 12.5              # frames per second
DELAY_FRAMES = 7               # word onset -> boundary token, in frames (0.56 s)
DELAY_SECONDS = DELAY_FRAMES / FRAME_RATE

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
UNK, BOS_PIECE, EOS_PIECE, PAD = 0, 1, 2, 3      # UNK doubles as the word boundary
BYTE_BASE = 4                                    # pieces <0x00>..<0xFF> are 4..259
WORD_BASE = BYTE_BASE + 256                      # pieces "▁zero".."▁nine" are 260..269
TEXT_CARD = WORD_BASE + len(WORDS)               # start row of the text table
SPEAKERS = ["george", "jackson", "nicolas", "theo", "yweweler"]
TEST_TAKES = range(0, 5)

NUM_CODEBOOKS = 8              # 1 semantic + 7 acoustic
CODEBOOK_SIZE = 256
CODEBOOK_DIM = 32


def codec_config():
    """Arguments of transformers' MimiConfig: the published strides, everything else tiny."""
    return dict(
        sampling_rate=SAMPLE_RATE, audio_channels=1, hidden_size=128, num_filters=8, num_residual_layers=1,
        upsampling_ratios=[8, 6, 5, 4], codebook_size=CODEBOOK_SIZE, codebook_dim=CODEBOOK_DIM,
        num_quantizers=NUM_CODEBOOKS, num_semantic_quantizers=1, vector_quantization_hidden_dimension=CODEBOOK_DIM,
        upsample_groups=128, num_hidden_layers=4, intermediate_size=384, num_attention_heads=4,
        num_key_value_heads=4, head_dim=32, sliding_window=50, max_position_embeddings=8000,
        layer_scale_initial_scale=0.3, use_cache=False, use_streaming=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )


def lm_config():
    """Arguments of KyutaiSpeechToTextConfig besides codec_config."""
    return dict(
        vocab_size=TEXT_CARD + 1, codebook_vocab_size=CODEBOOK_SIZE + 1, hidden_size=128, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=4, head_dim=32, ffn_dim=512, sliding_window=100,
        max_position_embeddings=4000, hidden_act="silu", rms_norm_eps=1e-8, num_codebooks=NUM_CODEBOOKS,
        audio_bos_token_id=CODEBOOK_SIZE,
        audio_pad_token_id=TEXT_CARD + 1 + NUM_CODEBOOKS * (CODEBOOK_SIZE + 1),
        pad_token_id=PAD, bos_token_id=TEXT_CARD, eos_token_id=None, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
    )
