#include "model/mimi-weights.h"

#include "runtime/error.h"

#include <algorithm>

namespace kstt {

namespace {

const std::string prefix = "codec_model.";

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

pad_mode padding_of(const codec_config & config) {
    return config.pad_mode == "replicate" ? pad_mode::replicate : pad_mode::zeros;
}

conv1d_shape shape_of(
    const codec_config & config, int64_t n_in, int64_t n_out, int64_t kernel, int64_t stride, int64_t dilation) {
    return { n_in, n_out, kernel, stride, dilation, padding_of(config) };
}

seanet_layer load_residual(
    weight_store & store, const codec_config & config, size_t index, int64_t channels, int64_t dilation) {
    const std::string name   = prefix + "encoder.layers." + std::to_string(index);
    const int64_t     hidden = channels / config.compress;
    seanet_layer      layer;
    layer.name        = "codec.layers." + std::to_string(index);
    layer.is_residual = true;
    layer.conv        = load_conv(store,
                           name + ".block.1.conv",
                           shape_of(config, channels, hidden, config.residual_kernel_size, 1, dilation),
                           true);
    layer.pointwise   = load_conv(store, name + ".block.3.conv", shape_of(config, hidden, channels, 1, 1, 1), true);
    if (config.use_conv_shortcut) {
        layer.shortcut = load_conv(store, name + ".shortcut.conv", shape_of(config, channels, channels, 1, 1, 1), true);
    }
    return layer;
}

seanet_layer load_plain(weight_store & store, size_t index, const conv1d_shape & shape, bool elu_first) {
    seanet_layer layer;
    layer.name      = "codec.layers." + std::to_string(index);
    layer.elu_first = elu_first;
    layer.conv      = load_conv(store, prefix + "encoder.layers." + std::to_string(index) + ".conv", shape, true);
    return layer;
}

// Indices count the ELUs too, as encoder.layers does (spec 3.2).
std::vector<seanet_layer> load_seanet(weight_store & store, const codec_config & config) {
    std::vector<seanet_layer> layers;
    size_t                    index    = 0;
    int64_t                   channels = config.num_filters;
    layers.push_back(
        load_plain(store, index++, shape_of(config, config.audio_channels, channels, config.kernel_size, 1, 1), false));
    for (auto ratio = config.upsampling_ratios.rbegin(); ratio != config.upsampling_ratios.rend(); ++ratio) {
        int64_t dilation = 1;
        for (int32_t j = 0; j < config.num_residual_layers; j++) {
            layers.push_back(load_residual(store, config, index++, channels, dilation));
            dilation *= config.dilation_growth_rate;
        }
        index++;  // ELU
        layers.push_back(load_plain(
            store, index++, shape_of(config, channels, 2 * channels, int64_t{ 2 } * *ratio, *ratio, 1), true));
        channels *= 2;
    }
    index++;  // ELU
    layers.push_back(
        load_plain(store, index, shape_of(config, channels, config.hidden_size, config.last_kernel_size, 1, 1), true));
    return layers;
}

block_weights load_block(weight_store & store, const codec_config & config, int32_t l) {
    const std::string name    = prefix + "encoder_transformer.layers." + std::to_string(l) + ".";
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

// Entries are stored as running sums and usage counts; the entry is their quotient, usage clamped at 1e-5 (spec 2.6).
// Our own GGUF has the quotients.
ggml_tensor * load_entries(weight_store & store, const codec_config & config, const std::string & name) {
    const int64_t n   = config.codebook_size;
    const int64_t dim = config.codebook_dim;
    if (store.has(name + ".embed")) {
        return store.f32(name + ".embed", { n, dim });
    }
    const tensor_view & usage = store.source().get(name + ".cluster_usage", { n });
    std::vector<float>  count(static_cast<size_t>(n));
    convert_to_f32(usage, count.data());
    return store.relaid(name + ".embed_sum", { n, dim }, dim, n, [&](const float * stored, float * copy) {
        for (int64_t c = 0; c < n; c++) {
            const float divisor = std::max(count[static_cast<size_t>(c)], 1e-5F);
            for (int64_t d = 0; d < dim; d++) {
                copy[c * dim + d] = stored[c * dim + d] / divisor;
            }
        }
    });
}

codebook_weights load_codebook(weight_store & store, const codec_config & config, const std::string & name) {
    const int64_t    n   = config.codebook_size;
    const int64_t    dim = config.codebook_dim;
    codebook_weights book;
    book.entries         = load_entries(store, config, name);
    book.half_norm       = store.owned_f32(name + ".half_norm", n, 1);
    const auto * entries = static_cast<const float *>(book.entries->data);
    auto *       half    = static_cast<float *>(book.half_norm->data);
    for (int64_t c = 0; c < n; c++) {
        double sum = 0.0;
        for (int64_t d = 0; d < dim; d++) {
            sum += static_cast<double>(entries[c * dim + d]) * static_cast<double>(entries[c * dim + d]);
        }
        half[c] = static_cast<float>(sum / 2.0);
    }
    return book;
}

residual_vq_weights load_quantizer(weight_store &       store,
                                   const codec_config & config,
                                   const std::string &  kind,
                                   int32_t              n) {
    const std::string   name = prefix + "quantizer." + kind + "_residual_vector_quantizer.";
    residual_vq_weights quantizer;
    if (config.vector_quantization_hidden_dimension != config.hidden_size) {
        const int64_t dim    = config.vector_quantization_hidden_dimension;
        quantizer.input_proj = store.relaid(
            name + "input_proj.weight",
            { dim, config.hidden_size, 1 },
            config.hidden_size,
            dim,
            [&](const float * stored, float * copy) { std::copy(stored, stored + dim * config.hidden_size, copy); });
    }
    for (int32_t j = 0; j < n; j++) {
        quantizer.codebooks.push_back(load_codebook(store, config, name + "layers." + std::to_string(j) + ".codebook"));
    }
    return quantizer;
}

}  // namespace

mimi_weights load_mimi_weights(weight_store & store, const codec_config & config) {
    mimi_weights weights;
    weights.config = config;
    weights.seanet = load_seanet(store, config);
    for (int32_t l = 0; l < config.num_hidden_layers; l++) {
        weights.blocks.push_back(load_block(store, config, l));
    }
    if (config.columns_per_frame() > 1) {
        // Its stride is 2 in every checkpoint of this family.
        const conv1d_shape shape = {
            config.hidden_size, config.hidden_size, config.downsample_kernel_size(), config.columns_per_frame(), 1,
            pad_mode::replicate
        };
        weights.downsample = load_conv(store, prefix + "downsample.conv", shape, false);
    }
    weights.semantic = load_quantizer(store, config, "semantic", config.num_semantic_quantizers);
    weights.acoustic =
        load_quantizer(store, config, "acoustic", config.num_quantizers - config.num_semantic_quantizers);
    return weights;
}

}  // namespace kstt
