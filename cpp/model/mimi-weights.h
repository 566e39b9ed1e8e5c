// Weights of the Mimi encoder (spec 2.6); mimi-decoder-weights.h has the decoder half.
#pragma once

#include "model/codec-layers.h"
#include "nn/residual-vq.h"

#include <optional>
#include <vector>

namespace kstt {

struct mimi_weights {
    codec_config                  config;
    std::vector<seanet_layer>     seanet;
    std::vector<block_weights>    blocks;
    std::optional<conv1d_weights> downsample;
    residual_vq_weights           semantic;
    residual_vq_weights           acoustic;
};

mimi_weights load_mimi_weights(weight_store & store, const codec_config & config);

}  // namespace kstt
