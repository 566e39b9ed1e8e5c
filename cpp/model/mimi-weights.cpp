#include "model/mimi-weights.h"

#include "runtime/error.h"

#include <algorithm>

namespace kstt {

namespace {

const std::string prefix = "codec_model.";

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
    const std::string         stored   = prefix + "encoder.layers.";
    size_t                    index    = 0;
    int64_t                   channels = config.num_filters;
    layers.push_back(load_plain(
        store, index++, seanet_shape(config, config.audio_channels, channels, config.kernel_size, 1, 1), false));
    for (auto ratio = config.upsampling_ratios.rbegin(); ratio != config.upsampling_ratios.rend(); ++ratio) {
        int64_t dilation = 1;
        for (int32_t j = 0; j < config.num_residual_layers; j++) {
            const std::string i = std::to_string(index++);
            layers.push_back(load_residual(store, config, stored + i, "codec.layers." + i, channels, dilation));
            dilation *= config.dilation_growth_rate;
        }
        index++;  // ELU
        layers.push_back(load_plain(
            store, index++, seanet_shape(config, channels, 2 * channels, int64_t{ 2 } * *ratio, *ratio, 1), true));
        channels *= 2;
    }
    index++;  // ELU
    layers.push_back(load_plain(
        store, index, seanet_shape(config, channels, config.hidden_size, config.last_kernel_size, 1, 1), true));
    return layers;
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
        weights.blocks.push_back(load_codec_block(store, config, prefix + "encoder_transformer.", l));
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
