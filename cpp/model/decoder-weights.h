// Weights of the text decoder (spec 2.4).
#pragma once

#include "io/model-config.h"
#include "model/weight-store.h"
#include "nn/transformer-block.h"

#include <vector>

namespace kstt {

struct decoder_weights {
    decoder_config             config;
    ggml_tensor *              embed = nullptr;  // [hidden, embedding_rows], any type
    std::vector<block_weights> blocks;
    ggml_tensor *              norm        = nullptr;  // F32 [hidden]
    ggml_tensor *              head        = nullptr;  // [hidden, output_vocab]
    ggml_tensor *              extra_heads = nullptr;  // F32 [hidden, num_extra_heads * extra_head_dim], if any
    // Type of the layers' products; the KV rings are F32 beside f32 weights and F16 beside all others.
    ggml_type                  weight_type = GGML_TYPE_F32;
    ggml_type                  ring_type   = GGML_TYPE_F32;
};

decoder_weights load_decoder_weights(weight_store & store, const decoder_config & config);

// Row of the embedding table for an id of stream 0 (text) or 1.. (codebooks) (spec 2.4). Throws INVALID_ARGUMENT.
int32_t embedding_row(const decoder_weights & weights, int64_t stream, int32_t id);

}  // namespace kstt
