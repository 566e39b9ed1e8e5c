#include "io/codec-config.h"

#include "io/config-reader.h"
#include "runtime/error.h"

#include <cmath>

namespace kstt {
namespace {

// Width and hop of the convolution stack, each layer's claim bounded before it is multiplied.
void check_stack(const config_reader & reader, const codec_config & config) {
    int64_t hop    = 1;
    int64_t filter = config.num_filters;
    for (const int32_t ratio : config.upsampling_ratios) {
        hop *= ratio;
        filter *= 2;
        if (hop > max_dimension || filter > max_dimension) {
            reader.fail("upsampling_ratios",
                        "multiplies up to more samples per column or more filters than make sense");
        }
    }
    if (config.num_filters < config.compress) {
        reader.fail("compress", format("must not exceed num_filters, %d", config.num_filters));
    }
    int64_t dilation = 1;
    for (int32_t layer = 1; layer < config.num_residual_layers; ++layer) {
        dilation *= config.dilation_growth_rate;
        if (dilation * config.residual_kernel_size > max_dimension) {
            reader.fail("dilation_growth_rate", "makes the last residual layer wider than makes sense");
        }
    }
}

void read_stack(const config_reader & reader, codec_config & config) {
    config.sampling_rate        = reader.integer("sampling_rate", config.sampling_rate, 1000, 768000);
    config.audio_channels       = reader.dimension("audio_channels", config.audio_channels);
    config.hidden_size          = reader.dimension("hidden_size", config.hidden_size);
    config.num_filters          = reader.dimension("num_filters", config.num_filters);
    config.num_residual_layers  = reader.integer("num_residual_layers", config.num_residual_layers, 0, 64);
    config.upsampling_ratios    = reader.dimensions("upsampling_ratios", config.upsampling_ratios);
    config.kernel_size          = reader.dimension("kernel_size", config.kernel_size);
    config.last_kernel_size     = reader.dimension("last_kernel_size", config.last_kernel_size);
    config.residual_kernel_size = reader.dimension("residual_kernel_size", config.residual_kernel_size);
    config.dilation_growth_rate = reader.dimension("dilation_growth_rate", config.dilation_growth_rate);
    config.compress             = reader.dimension("compress", config.compress);
    config.use_causal_conv      = reader.boolean("use_causal_conv", config.use_causal_conv);
    config.use_conv_shortcut    = reader.boolean("use_conv_shortcut", config.use_conv_shortcut);
    config.pad_mode             = reader.string("pad_mode", config.pad_mode);
    config.upsample_groups      = reader.dimension("upsample_groups", config.upsample_groups);
    config.trim_right_ratio     = reader.number("trim_right_ratio", config.trim_right_ratio);

    if (config.audio_channels != 1) {
        reader.unsupported("audio_channels", "1");
    }
    if (!config.use_causal_conv) {
        reader.unsupported("use_causal_conv", "true");
    }
    // The two that transformers can stream.
    if (config.pad_mode != "constant" && config.pad_mode != "replicate") {
        reader.unsupported("pad_mode", "\"constant\" or \"replicate\"");
    }
    check_stack(reader, config);
}

void read_quantizer(const config_reader & reader, codec_config & config) {
    config.codebook_size  = reader.dimension("codebook_size", config.codebook_size);
    config.codebook_dim   = reader.dimension("codebook_dim", config.codebook_dim);
    config.num_quantizers = reader.integer("num_quantizers", config.num_quantizers, 1, max_layers);
    config.num_semantic_quantizers =
        reader.integer("num_semantic_quantizers", config.num_semantic_quantizers, 1, max_layers);
    config.vector_quantization_hidden_dimension =
        reader.dimension("vector_quantization_hidden_dimension", config.vector_quantization_hidden_dimension);

    if ((config.codebook_size & (config.codebook_size - 1)) != 0) {
        reader.fail("codebook_size", format("must be a power of two, but is %d", config.codebook_size));
    }
    if (config.num_semantic_quantizers >= config.num_quantizers) {
        reader.fail("num_semantic_quantizers",
                    format("must be below num_quantizers, %d, but is %d",
                           config.num_quantizers,
                           config.num_semantic_quantizers));
    }
    if (config.codebook_dim != config.vector_quantization_hidden_dimension) {
        reader.fail("codebook_dim",
                    format("must equal vector_quantization_hidden_dimension, %d, but is %d",
                           config.vector_quantization_hidden_dimension,
                           config.codebook_dim));
    }
}

void read_transformer(const config_reader & reader, codec_config & config) {
    config.num_hidden_layers   = reader.integer("num_hidden_layers", config.num_hidden_layers, 1, max_layers);
    config.intermediate_size   = reader.dimension("intermediate_size", config.intermediate_size);
    config.num_attention_heads = reader.dimension("num_attention_heads", config.num_attention_heads);
    config.num_key_value_heads = reader.dimension("num_key_value_heads", config.num_key_value_heads);
    config.hidden_act          = reader.string("hidden_act", config.hidden_act);
    config.norm_eps            = reader.epsilon("norm_eps", config.norm_eps);
    config.rope_theta          = reader.rope_theta();
    config.sliding_window      = reader.dimension("sliding_window", config.sliding_window);
    config.attention_bias      = reader.boolean("attention_bias", config.attention_bias);
    // Zero counts as absent here (MimiConfig: `head_dim or ...`), unlike in the decoder's config.
    const bool derived         = reader.is_null("head_dim") || reader.integer("head_dim", 0, 0, max_dimension) == 0;
    config.head_dim =
        reader.head_dim(derived, config.hidden_size, config.num_attention_heads, config.num_key_value_heads);

    if (config.hidden_act != "gelu") {
        reader.unsupported("hidden_act", "\"gelu\"");
    }
}

void read_frame_rate(const config_reader & reader, codec_config & config) {
    // transformers 5 saves `_frame_rate`, null included, and then it wins over `frame_rate` when loaded.
    const char * key    = reader.contains("_frame_rate") ? "_frame_rate" : "frame_rate";
    // Config files count a downsample of 2 always (MimiConfig.frame_size).
    const double actual = static_cast<double>(config.sampling_rate) / (2.0 * config.hop_size());
    config.frame_rate   = reader.number(key, actual);
    if (config.frame_rate <= 0) {
        reader.fail(key, format("must be above 0, but is %g", config.frame_rate));
    }
    // transformers builds the codec without a downsample then, and its encode fails.
    if (config.columns_per_frame() == 1) {
        reader.unsupported(key, format("half the rate of the encoder's columns, %g", actual));
    }
    // Other rates would stretch the downsample's kernel and the clock of the words, while the stride stays 2.
    if (std::abs(config.frame_rate - actual) > 1e-6 * actual) {
        reader.unsupported(key, format("sampling_rate / (2 * product of upsampling_ratios) = %g", actual));
    }
}

// MimiConfig.encodec_frame_rate: columns per second, rounded up.
double column_rate(const codec_config & config) {
    return std::ceil(static_cast<double>(config.sampling_rate) / config.hop_size());
}

}  // namespace

int32_t codec_config::hop_size() const {
    int32_t hop = 1;
    for (const int32_t ratio : upsampling_ratios) {
        hop *= ratio;
    }
    return hop;
}

int32_t codec_config::columns_per_frame() const {
    return frame_rate == column_rate(*this) ? 1 : 2;
}

int32_t codec_config::downsample_kernel_size() const {
    return 2 * static_cast<int32_t>(column_rate(*this) / frame_rate);
}

int32_t codec_config::frame_size() const {
    return hop_size() * columns_per_frame();
}

codec_config read_codec_config(const json_value & root) {
    codec_config config;
    if (root.is_null("codec_config")) {
        return config;
    }
    const json_value    value = root.at("codec_config");
    const config_reader reader(value);
    const std::string   type = value.at("model_type").string();
    if (type != "mimi") {
        reader.unsupported("model_type", "\"mimi\"");
    }
    read_stack(reader, config);
    read_quantizer(reader, config);
    read_transformer(reader, config);
    read_frame_rate(reader, config);
    return config;
}

}  // namespace kstt
