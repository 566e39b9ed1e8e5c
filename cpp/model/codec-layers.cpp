#include "model/codec-layers.h"

#include "runtime/error.h"

#include <algorithm>
#include <vector>

namespace kstt {

namespace {

pad_mode padding_of(const codec_config & config) {
    return config.pad_mode == "replicate" ? pad_mode::replicate : pad_mode::zeros;
}

// Where a stored weight of a transposed convolution goes; see load_transposed.
void lay_out_transposed(const transposed_shape & shape, int64_t context, const float * stored, float * copy) {
    const int64_t columns   = context + 1;
    const int64_t group_in  = shape.n_in / shape.groups;
    const int64_t group_out = shape.n_out / shape.groups;
    std::fill_n(copy, shape.stride * shape.n_out * columns * shape.n_in, 0.0F);
    for (int64_t i = 0; i < shape.n_in; i++) {
        for (int64_t o = 0; o < group_out; o++) {
            for (int64_t j = 0; j < shape.kernel_size; j++) {
                // Tap j reaches output column j % stride, j / stride input columns later.
                const int64_t channel                           = i / group_in * group_out + o;
                const int64_t row                               = j % shape.stride * shape.n_out + channel;
                const int64_t column                            = context - j / shape.stride;
                copy[(row * columns + column) * shape.n_in + i] = *stored++;
            }
        }
    }
}

}  // namespace

conv1d_shape seanet_shape(
    const codec_config & config, int64_t n_in, int64_t n_out, int64_t kernel, int64_t stride, int64_t dilation) {
    return { n_in, n_out, kernel, stride, dilation, padding_of(config) };
}

// Stored [out][in][kernel]; our convolution reads whole columns, so the kernel position comes before the channel.
conv1d_weights load_conv(weight_store & store, const std::string & name, const conv1d_shape & shape, bool has_bias) {
    conv1d_weights conv;
    conv.shape  = shape;
    conv.weight = store.relaid(name + ".weight",
                               { shape.n_out, shape.n_in, shape.kernel_size },
                               shape.n_in * shape.kernel_size,
                               shape.n_out,
                               [&](const float * stored, float * copy) {
                                   for (int64_t o = 0; o < shape.n_out; o++) {
                                       for (int64_t i = 0; i < shape.n_in; i++) {
                                           for (int64_t j = 0; j < shape.kernel_size; j++) {
                                               copy[(o * shape.kernel_size + j) * shape.n_in + i] = *stored++;
                                           }
                                       }
                                   }
                               });
    if (has_bias) {
        conv.bias = store.f32(name + ".bias", { shape.n_out });
    }
    return conv;
}

conv1d_weights load_transposed(weight_store &           store,
                               const std::string &      name,
                               const transposed_shape & shape,
                               bool                     has_bias) {
    KSTT_CHECK(shape.n_in % shape.groups == 0 && shape.n_out % shape.groups == 0);
    const int64_t  columns = (shape.kernel_size + shape.stride - 1) / shape.stride;
    const int64_t  n_rows  = shape.stride * shape.n_out;
    conv1d_weights conv;
    conv.shape = { shape.n_in, n_rows, columns, 1, 1, pad_mode::zeros };
    conv.weight =
        store.relaid(name + ".weight",
                     { shape.n_in, shape.n_out / shape.groups, shape.kernel_size },
                     columns * shape.n_in,
                     n_rows,
                     [&](const float * stored, float * copy) { lay_out_transposed(shape, columns - 1, stored, copy); });
    if (has_bias) {
        conv.bias = store.relaid(name + ".bias", { shape.n_out }, n_rows, 1, [&](const float * stored, float * copy) {
            for (int64_t j = 0; j < shape.stride; j++) {
                std::copy(stored, stored + shape.n_out, copy + j * shape.n_out);
            }
        });
    }
    return conv;
}

seanet_layer load_residual(weight_store &       store,
                           const codec_config & config,
                           const std::string &  stored,
                           const std::string &  node,
                           int64_t              channels,
                           int64_t              dilation) {
    const int64_t hidden = channels / config.compress;
    seanet_layer  layer;
    layer.name        = node;
    layer.is_residual = true;
    layer.conv        = load_conv(store,
                           stored + ".block.1.conv",
                           seanet_shape(config, channels, hidden, config.residual_kernel_size, 1, dilation),
                           true);
    layer.pointwise = load_conv(store, stored + ".block.3.conv", seanet_shape(config, hidden, channels, 1, 1, 1), true);
    if (config.use_conv_shortcut) {
        layer.shortcut =
            load_conv(store, stored + ".shortcut.conv", seanet_shape(config, channels, channels, 1, 1, 1), true);
    }
    return layer;
}

block_weights load_codec_block(weight_store &       store,
                               const codec_config & config,
                               const std::string &  transformer,
                               int32_t              l) {
    const std::string name    = transformer + "layers." + std::to_string(l) + ".";
    const int64_t     hidden  = config.hidden_size;
    const int64_t     q_width = static_cast<int64_t>(config.num_attention_heads) * config.head_dim;
    const int64_t     k_width = static_cast<int64_t>(config.num_key_value_heads) * config.head_dim;
    block_weights     block;
    block.attn_norm      = store.f32(name + "input_layernorm.weight", { hidden });
    block.attn_norm_bias = store.f32(name + "input_layernorm.bias", { hidden });
    block.q              = store.f32(name + "self_attn.q_proj.weight", { q_width, hidden });
    block.k              = store.f32(name + "self_attn.k_proj.weight", { k_width, hidden });
    block.v              = store.f32(name + "self_attn.v_proj.weight", { k_width, hidden });
    block.o              = store.f32(name + "self_attn.o_proj.weight", { hidden, q_width });
    if (config.attention_bias) {
        block.q_bias = store.f32(name + "self_attn.q_proj.bias", { q_width });
        block.k_bias = store.f32(name + "self_attn.k_proj.bias", { k_width });
        block.v_bias = store.f32(name + "self_attn.v_proj.bias", { k_width });
        block.o_bias = store.f32(name + "self_attn.o_proj.bias", { hidden });
    }
    block.attn_scale    = store.f32(name + "self_attn_layer_scale.scale", { hidden });
    block.mlp_norm      = store.f32(name + "post_attention_layernorm.weight", { hidden });
    block.mlp_norm_bias = store.f32(name + "post_attention_layernorm.bias", { hidden });
    block.fc1           = store.f32(name + "mlp.fc1.weight", { config.intermediate_size, hidden });
    block.fc2           = store.f32(name + "mlp.fc2.weight", { hidden, config.intermediate_size });
    block.mlp_scale     = store.f32(name + "mlp_layer_scale.scale", { hidden });
    return block;
}

}  // namespace kstt
