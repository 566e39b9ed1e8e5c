// Weights of the Mimi encoder (spec 2.6). The codec's decoder half is never read.
#pragma once

#include "io/model-config.h"
#include "model/weight-store.h"
#include "nn/residual-vq.h"
#include "nn/streaming-conv1d.h"
#include "nn/transformer-block.h"

#include <optional>
#include <string>
#include <vector>

namespace kstt {

// One entry of transformers' encoder.layers that carries weights: a convolution or a residual unit.
struct seanet_layer {
    std::string                   name;  // node prefix: "codec.layers.<index>"
    bool                          is_residual = false;
    bool                          elu_first   = false;  // convolutions only; residual units always activate first
    conv1d_weights                conv;                 // the convolution, or the unit's first (wide) one
    conv1d_weights                pointwise;            // residual units only
    std::optional<conv1d_weights> shortcut;             // residual units with use_conv_shortcut
};

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
