// Layers that both halves of the codec are made of, read under the names of the transformers layout (spec 2.6).
#pragma once

#include "io/model-config.h"
#include "model/weight-store.h"
#include "nn/streaming-conv1d.h"
#include "nn/transformer-block.h"

#include <cstdint>
#include <optional>
#include <string>

namespace kstt {

// One entry of encoder.layers or decoder.layers that carries weights: a convolution or a residual unit.
struct seanet_layer {
    std::string                   name;  // node prefix: "codec.layers.<index>", "codec.decoder.layers.<index>"
    bool                          is_residual = false;
    bool                          elu_first   = false;  // convolutions only; residual units always activate first
    // Columns that one column of the result stands for: the stride of a transposed convolution, see load_transposed.
    int64_t                       unfold      = 1;
    conv1d_weights                conv;       // the convolution, or the unit's first (wide) one
    conv1d_weights                pointwise;  // residual units only
    std::optional<conv1d_weights> shortcut;   // residual units with use_conv_shortcut
};

// SEANet convolutions pad as the configuration says, where a stream begins.
conv1d_shape seanet_shape(
    const codec_config & config, int64_t n_in, int64_t n_out, int64_t kernel, int64_t stride, int64_t dilation);

// `name`.weight and, where it has one, `name`.bias.
conv1d_weights load_conv(weight_store & store, const std::string & name, const conv1d_shape & shape, bool has_bias);

struct transposed_shape {
    int64_t n_in        = 0;
    int64_t n_out       = 0;
    int64_t kernel_size = 1;
    int64_t stride      = 1;
    int64_t groups      = 1;
};

// A causal transposed convolution (everything beyond the last stride is cut off on the right) as a plain one: column t
// of its result holds the `stride` columns that input column t completes, [stride][n_out]. It reads the input columns
// t - ceil(kernel_size / stride) + 1 to t, and zeros before the stream. Groups are written out with zeros between them:
// the published upsampling layer then takes 4 MB and a hundredth of the decoder's arithmetic.
conv1d_weights load_transposed(weight_store &           store,
                               const std::string &      name,
                               const transposed_shape & shape,
                               bool                     has_bias);

// The residual unit `stored` ("codec_model.encoder.layers.1"); `node` names its nodes.
seanet_layer load_residual(weight_store &       store,
                           const codec_config & config,
                           const std::string &  stored,
                           const std::string &  node,
                           int64_t              channels,
                           int64_t              dilation);

// Layer l of "codec_model.encoder_transformer." or "codec_model.decoder_transformer.".
block_weights load_codec_block(weight_store &       store,
                               const codec_config & config,
                               const std::string &  transformer,
                               int32_t              l);

}  // namespace kstt
