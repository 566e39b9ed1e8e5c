// Hyper-parameters of a checkpoint, read from its JSON files and checked. Names follow transformers' config.json;
// spec 1.1 to 1.4 give meanings and defaults.
#pragma once

#include "io/generation-settings.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class json_value;

// Of one JSON file; the published ones have about 2 kB.
constexpr size_t max_config_bytes = size_t{ 4 } << 20U;

// Mimi (spec 1.3).
struct codec_config {
    int32_t              sampling_rate           = 24000;  // Hz
    int32_t              audio_channels          = 1;
    int32_t              hidden_size             = 512;
    int32_t              num_filters             = 64;
    int32_t              num_residual_layers     = 1;
    std::vector<int32_t> upsampling_ratios       = { 8, 6, 5, 4 };  // decoder order; the encoder walks it backwards
    int32_t              kernel_size             = 7;
    int32_t              last_kernel_size        = 3;
    int32_t              residual_kernel_size    = 3;
    int32_t              dilation_growth_rate    = 2;
    int32_t              compress                = 2;
    bool                 use_causal_conv         = true;
    bool                 use_conv_shortcut       = false;
    std::string          pad_mode                = "constant";
    int32_t              codebook_size           = 2048;
    int32_t              codebook_dim            = 256;
    int32_t              num_quantizers          = 32;
    int32_t              num_semantic_quantizers = 1;
    int32_t              vector_quantization_hidden_dimension = 256;
    int32_t              num_hidden_layers                    = 8;
    int32_t              intermediate_size                    = 2048;
    int32_t              num_attention_heads                  = 8;
    int32_t              num_key_value_heads                  = 8;
    int32_t              head_dim                             = 64;
    std::string          hidden_act                           = "gelu";
    float                norm_eps                             = 1e-5F;
    double               rope_theta                           = 10000.0;
    int32_t              sliding_window                       = 250;  // columns
    bool                 attention_bias                       = false;
    double               frame_rate                           = 12.5;  // frames per second (after the downsample)
    int32_t              upsample_groups                      = 512;   // decoder half only, as the next
    double               trim_right_ratio                     = 1.0;   // of a transposed convolution's excess columns

    // Product of the ratios: samples per encoder column (before the downsample), 960.
    int32_t hop_size() const;
    // Columns the downsample merges into one frame: 2, or 1 where the checkpoint has no downsample.
    int32_t columns_per_frame() const;
    // Kernel of the downsample convolution: 4.
    int32_t downsample_kernel_size() const;
    // Samples per frame: 1920.
    int32_t frame_size() const;
};

struct decoder_config {
    int32_t     codebook_vocab_size = 2049;  // rows per audio table, start row included
    int32_t     vocab_size          = 4001;  // rows of the text table, the start token's (the last) included
    // Rows of the head: tokens that can come out. vocab_size where the head has a (zero) row for the start token, as in
    // the transformers layout; one less in Kyutai's own, where the start token is never produced.
    int32_t     output_vocab_size   = 4001;
    int32_t     hidden_size         = 2048;
    int32_t     num_hidden_layers   = 48;
    int32_t     num_attention_heads = 32;
    int32_t     num_key_value_heads = 32;
    int32_t     head_dim            = 64;
    double      rope_theta          = 100000.0;
    std::string hidden_act          = "silu";
    int32_t     sliding_window      = 375;    // steps
    int32_t     ffn_dim             = 11264;  // gate and value together
    float       rms_norm_eps        = 1e-8F;
    int32_t     num_codebooks       = 32;  // audio streams read per step
    int32_t     table_codebooks     = 32;  // audio streams the embedding table has rows for, >= num_codebooks
    int32_t     audio_bos_token_id  = 2048;
    int32_t     audio_pad_token_id  = 69569;  // addresses a row of the whole table
    bool        tie_word_embeddings = false;
    int32_t     pad_token_id        = 3;
    int32_t     bos_token_id        = 48000;  // may lie outside the text table: an absolute row (spec 5.4 a)
    int32_t     num_extra_heads     = 0;      // pause predictions (spec 7): 4 in stt-1b-en_fr-candle
    int32_t     extra_head_dim      = 0;      // classes of each: 6

    // Rows of the whole embedding table: text, audio streams, zero row.
    int32_t embedding_rows() const;
};

struct model_config {
    codec_config        codec;
    decoder_config      decoder;
    // From preprocessor_config.json or processor_config.json.
    int32_t             feature_sampling_rate        = 24000;
    double              audio_delay_seconds          = 0.0;
    double              audio_silence_prefix_seconds = 0.0;
    // Of generation_config.json, else of config.json.
    generation_settings generation;
};

// Reads and checks config.json, generation_config.json (may be absent) and processor_config.json or
// preprocessor_config.json of a checkpoint folder. Missing keys take the class defaults of transformers 5.18.
// Throws kstt::error: FILE_NOT_FOUND, FILE_ACCESS, MODEL_FORMAT (names file and key), MODEL_UNSUPPORTED.
model_config read_model_config(const std::string & folder);

// The same from documents already read: config.json, generation_config.json (nullptr: absent), and the feature
// extractor's settings.
model_config parse_model_config(const json_value & root,
                                const json_value * generation,
                                const json_value & feature_extractor);

}  // namespace kstt
