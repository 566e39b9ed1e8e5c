// Weights of the Mimi decoder, codes to PCM (spec 3.8). Transcription needs none of them, so they are loaded by whoever
// decodes first and live in a store of their own; the codebooks are those of the encoder.
#pragma once

#include "model/codec-layers.h"
#include "model/mimi-weights.h"

#include <memory>
#include <optional>
#include <vector>

namespace kstt {

struct mimi_decoder_weights {
    std::unique_ptr<weight_store> store;
    codec_config                  config;
    std::vector<codebook_weights> semantic_codebooks;
    std::vector<codebook_weights> acoustic_codebooks;
    ggml_tensor *                 semantic_proj = nullptr;  // F32 [dim, hidden], or nullptr: codebooks are that wide
    ggml_tensor *                 acoustic_proj = nullptr;
    seanet_layer                  upsample;  // frames to columns
    std::vector<block_weights>    blocks;
    std::vector<seanet_layer>     seanet;
};

// `encoder` must outlive the result. Throws MODEL_UNSUPPORTED where the checkpoint has no decoder half or one of a kind
// that cannot be streamed, MODEL_FORMAT where it is damaged.
std::unique_ptr<mimi_decoder_weights> load_mimi_decoder_weights(std::shared_ptr<const checkpoint> source,
                                                                const mimi_weights &              encoder,
                                                                const compute_backend &           backend);

}  // namespace kstt
