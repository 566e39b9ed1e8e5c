// config.json of Kyutai's own repositories (spec 1.1, 2.1), and its translation to transformers' spelling.
#pragma once

#include "io/json-file.h"
#include "io/model-config.h"

#include <cstdint>
#include <string>

namespace kstt {

// What the file says, checked key by key. Names as in the file.
struct original_config {
    int32_t     dim                          = 0;
    int32_t     num_layers                   = 0;
    int32_t     num_heads                    = 0;
    int32_t     kv_repeat                    = 1;
    int32_t     context                      = 0;    // steps
    double      max_period                   = 0.0;  // of the rotary embeddings
    int32_t     n_q                          = 0;    // audio streams
    int32_t     card                         = 0;    // codes per stream, without the start token
    int32_t     text_card                    = 0;    // text tokens, without the start token
    int32_t     existing_text_padding_id     = 3;
    double      norm_eps                     = 1e-8;
    int32_t     extra_heads_num_heads        = -1;  // -1: not said, the weights tell
    double      audio_delay_seconds          = 0.0;
    double      audio_silence_prefix_seconds = 0.0;
    // Names of files; empty where the key is absent.
    std::string moshi_name;
    std::string mimi_name;
    std::string mimi_config_name;
    std::string tokenizer_name;
};

// True if this is a config.json in that spelling.
bool is_original_config(const json_value & root);

// Throws MODEL_FORMAT for a key that is missing or absurd, MODEL_UNSUPPORTED for a model of another kind.
original_config read_original_config(const json_value & root);

// What transformers' conversion would make of it, checked. `mimi`: the document that mimi_config_name names, or nullptr
// for the codec of the published checkpoints. `ffn_dim`: rows of the gated layers' first matrix. `as_converted`: see
// compat_mode::transformers.
model_config translate_config(const json_value &      root,
                              const original_config & config,
                              const json_value *      mimi,
                              int64_t                 ffn_dim,
                              bool                    as_converted);

}  // namespace kstt
