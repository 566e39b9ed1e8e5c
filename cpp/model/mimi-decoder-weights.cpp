#include "model/mimi-decoder-weights.h"

#include "runtime/error.h"

#include <string>
#include <utility>

namespace kstt {

namespace {

const std::string prefix = "codec_model.";
const std::string nodes  = "codec.decoder.layers.";

void check_supported(const weight_store & store, const codec_config & config) {
    if (!store.has(prefix + "decoder.layers.0.conv.weight")) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    "this checkpoint holds only the encoder of its codec: it turns audio into codes and text, but no "
                    "codes into audio; load one with the tensors of the codec's decoder (codec_model.decoder.*)");
    }
    if (config.trim_right_ratio != 1.0) {
        throw error(
            KSTT_STATUS_MODEL_UNSUPPORTED,
            format("codec_config: trim_right_ratio is %g; the decoder is causal with 1 only", config.trim_right_ratio));
    }
    if (config.hidden_size % config.upsample_groups != 0) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("codec_config: upsample_groups must divide hidden_size, %d, but is %d",
                           config.hidden_size,
                           config.upsample_groups));
    }
}

ggml_tensor * load_projection(weight_store & store, const codec_config & config, const std::string & kind) {
    if (config.vector_quantization_hidden_dimension == config.hidden_size) {
        return nullptr;
    }
    const std::string name = prefix + "quantizer." + kind + "_residual_vector_quantizer.output_proj.weight";
    const int64_t     dim  = config.vector_quantization_hidden_dimension;
    return store.relaid(
        name, { config.hidden_size, dim, 1 }, dim, config.hidden_size, [&](const float * stored, float * copy) {
            std::copy(stored, stored + dim * config.hidden_size, copy);
        });
}

seanet_layer load_upsample(weight_store & store, const codec_config & config) {
    transposed_shape shape;
    shape.n_in        = config.hidden_size;
    shape.n_out       = config.hidden_size;
    shape.kernel_size = config.downsample_kernel_size();
    shape.stride      = config.columns_per_frame();
    shape.groups      = config.upsample_groups;
    seanet_layer layer;
    layer.name   = "codec.upsample";
    layer.unfold = shape.stride;
    layer.conv   = load_transposed(store, prefix + "upsample.conv", shape, false);
    return layer;
}

// Indices count the ELUs too, as decoder.layers does.
std::vector<seanet_layer> load_seanet(weight_store & store, const codec_config & config) {
    std::vector<seanet_layer> layers;
    int64_t                   channels = int64_t{ config.num_filters } << config.upsampling_ratios.size();
    int64_t                   index    = 0;
    const auto                stored   = [&] { return prefix + "decoder.layers." + std::to_string(index); };
    const auto                plain    = [&](int64_t n_in, int64_t n_out, int64_t kernel) {
        seanet_layer layer;
        layer.name      = nodes + std::to_string(index);
        layer.elu_first = index > 0;
        layer.conv = load_conv(store, stored() + ".conv", seanet_shape(config, n_in, n_out, kernel, 1, 1), true);
        layers.push_back(std::move(layer));
    };
    plain(config.hidden_size, channels, config.kernel_size);
    for (const int32_t ratio : config.upsampling_ratios) {
        index += 2;  // an ELU before each convolution
        transposed_shape shape;
        shape.n_in        = channels;
        shape.n_out       = channels / 2;
        shape.kernel_size = int64_t{ 2 } * ratio;
        shape.stride      = ratio;
        seanet_layer layer;
        layer.name      = nodes + std::to_string(index);
        layer.elu_first = true;
        layer.unfold    = ratio;
        layer.conv      = load_transposed(store, stored() + ".conv", shape, true);
        layers.push_back(std::move(layer));
        channels /= 2;
        int64_t dilation = 1;
        for (int32_t j = 0; j < config.num_residual_layers; j++) {
            index++;
            layers.push_back(load_residual(store, config, stored(), nodes + std::to_string(index), channels, dilation));
            dilation *= config.dilation_growth_rate;
        }
    }
    index += 2;
    plain(channels, config.audio_channels, config.last_kernel_size);
    return layers;
}

}  // namespace

std::unique_ptr<mimi_decoder_weights> load_mimi_decoder_weights(std::shared_ptr<const checkpoint> source,
                                                                const mimi_weights &              encoder,
                                                                const compute_backend &           backend) {
    auto                 weights = std::make_unique<mimi_decoder_weights>();
    weight_store &       store   = *(weights->store = std::make_unique<weight_store>(std::move(source), backend));
    const codec_config & config  = encoder.config;
    weights->config              = config;
    check_supported(store, config);
    weights->semantic_codebooks = encoder.semantic.codebooks;
    weights->acoustic_codebooks = encoder.acoustic.codebooks;
    weights->semantic_proj      = load_projection(store, config, "semantic");
    weights->acoustic_proj      = load_projection(store, config, "acoustic");
    weights->upsample           = load_upsample(store, config);
    for (int32_t l = 0; l < config.num_hidden_layers; l++) {
        weights->blocks.push_back(load_codec_block(store, config, prefix + "decoder_transformer.", l));
    }
    weights->seanet = load_seanet(store, config);
    return weights;
}

}  // namespace kstt
