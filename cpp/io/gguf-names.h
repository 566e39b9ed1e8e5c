// Names in our own GGUF: the canonical names (those of the transformers layout) with their long parts shortened, since
// GGUF names have at most 63 bytes.
#pragma once

#include <string>

namespace kstt {

// codec_model.encoder_transformer.layers.0.post_attention_layernorm.weight -> codec.transformer.0.post_attention_...
std::string stored_name(const std::string & canonical);
// The inverse, for every name that stored_name gives.
std::string canonical_name(const std::string & stored);

}  // namespace kstt
