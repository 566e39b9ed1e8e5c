// The tensors that a model of this family is made of, as the loader asks for them (cpp/model/*-weights.cpp).
#pragma once

#include "io/model-config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

enum class tensor_role {
    codec,       // any weight of Mimi but the codebooks
    codebook,    // materialised entries: embed, or embed_sum / max(cluster_usage, 1e-5)
    norm,        // gains of the decoder
    embedding,   // the table; its rows are only gathered
    linear,      // products of the decoder's layers
    head,        // text logits
    extra_head,  // pause predictions
};

struct canonical_tensor {
    std::string          name;
    std::vector<int64_t> shape;  // slowest axis first
    tensor_role          role;
};

// In the order of the computation; all that transcription reads.
std::vector<canonical_tensor> canonical_tensors(const model_config & config);

// The codec's decoder half, which only codec_model.decode reads; it shares the codebooks.
std::vector<canonical_tensor> codec_decoder_tensors(const codec_config & config);

}  // namespace kstt
