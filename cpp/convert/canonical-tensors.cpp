#include "convert/canonical-tensors.h"

#include <utility>

namespace kstt {
namespace {

class tensor_list {
  public:
    void add(std::string name, std::vector<int64_t> shape, tensor_role role) {
        tensors_.push_back({ std::move(name), std::move(shape), role });
    }

    void codec(const std::string & name, std::vector<int64_t> shape) {
        add("codec_model." + name, std::move(shape), tensor_role::codec);
    }

    void conv(const std::string & name, int64_t n_in, int64_t n_out, int64_t kernel) {
        codec(name + ".weight", { n_out, n_in, kernel });
        codec(name + ".bias", { n_out });
    }

    std::vector<canonical_tensor> take() { return std::move(tensors_); }

  private:
    std::vector<canonical_tensor> tensors_;
};

void add_residual(tensor_list & list, const codec_config & config, const std::string & unit, int64_t channels) {
    list.conv(unit + ".block.1.conv", channels, channels / config.compress, config.residual_kernel_size);
    list.conv(unit + ".block.3.conv", channels / config.compress, channels, 1);
    if (config.use_conv_shortcut) {
        list.conv(unit + ".shortcut.conv", channels, channels, 1);
    }
}

// Indices count the activations too (spec 3.2).
void add_seanet(tensor_list & list, const codec_config & config) {
    const auto layer    = [](int32_t index) { return "encoder.layers." + std::to_string(index); };
    int32_t    index    = 0;
    int64_t    channels = config.num_filters;
    list.conv(layer(index++) + ".conv", config.audio_channels, channels, config.kernel_size);
    for (auto ratio = config.upsampling_ratios.rbegin(); ratio != config.upsampling_ratios.rend(); ++ratio) {
        for (int32_t i = 0; i < config.num_residual_layers; ++i) {
            add_residual(list, config, layer(index++), channels);
        }
        ++index;
        list.conv(layer(index++) + ".conv", channels, 2 * channels, int64_t{ 2 } * *ratio);
        channels *= 2;
    }
    list.conv(layer(index + 1) + ".conv", channels, config.hidden_size, config.last_kernel_size);
}

void add_codec_block(tensor_list & list, const codec_config & config, const std::string & transformer, int32_t l) {
    const std::string name    = transformer + ".layers." + std::to_string(l) + ".";
    const int64_t     hidden  = config.hidden_size;
    const int64_t     q_width = int64_t{ config.num_attention_heads } * config.head_dim;
    const int64_t     k_width = int64_t{ config.num_key_value_heads } * config.head_dim;
    for (const char * norm : { "input_layernorm", "post_attention_layernorm" }) {
        list.codec(name + norm + ".weight", { hidden });
        list.codec(name + norm + ".bias", { hidden });
    }
    const std::pair<const char *, std::vector<int64_t>> projections[] = {
        { "q_proj", { q_width, hidden } },
        { "k_proj", { k_width, hidden } },
        { "v_proj", { k_width, hidden } },
        { "o_proj", { hidden, q_width } },
    };
    for (const auto & [projection, shape] : projections) {
        list.codec(name + "self_attn." + projection + ".weight", shape);
        if (config.attention_bias) {
            list.codec(name + "self_attn." + projection + ".bias", { shape[0] });
        }
    }
    list.codec(name + "mlp.fc1.weight", { config.intermediate_size, hidden });
    list.codec(name + "mlp.fc2.weight", { hidden, config.intermediate_size });
    list.codec(name + "self_attn_layer_scale.scale", { hidden });
    list.codec(name + "mlp_layer_scale.scale", { hidden });
}

// As transposed convolutions are stored, inputs come before outputs.
void add_decoder_seanet(tensor_list & list, const codec_config & config) {
    const auto layer      = [](int32_t index) { return "decoder.layers." + std::to_string(index); };
    const auto transposed = [&](const std::string & name, int64_t n_in, int64_t n_out, int64_t kernel) {
        list.codec(name + ".weight", { n_in, n_out, kernel });
        list.codec(name + ".bias", { n_out });
    };
    int64_t channels = int64_t{ config.num_filters } << config.upsampling_ratios.size();
    int32_t index    = 0;
    list.conv(layer(index) + ".conv", config.hidden_size, channels, config.kernel_size);
    for (const int32_t ratio : config.upsampling_ratios) {
        index += 2;  // an activation before each convolution
        transposed(layer(index) + ".conv", channels, channels / 2, int64_t{ 2 } * ratio);
        channels /= 2;
        for (int32_t i = 0; i < config.num_residual_layers; ++i) {
            add_residual(list, config, layer(++index), channels);
        }
    }
    list.conv(layer(index + 2) + ".conv", channels, config.audio_channels, config.last_kernel_size);
}

void add_quantizer(tensor_list & list, const codec_config & config, const std::string & kind, int32_t n) {
    const std::string name = "quantizer." + kind + "_residual_vector_quantizer.";
    const int64_t     dim  = config.vector_quantization_hidden_dimension;
    if (dim != config.hidden_size) {
        list.codec(name + "input_proj.weight", { dim, config.hidden_size, 1 });
    }
    for (int32_t i = 0; i < n; ++i) {
        list.add("codec_model." + name + "layers." + std::to_string(i) + ".codebook.embed",
                 { config.codebook_size, config.codebook_dim },
                 tensor_role::codebook);
    }
}

void add_decoder(tensor_list & list, const decoder_config & config) {
    const int64_t hidden  = config.hidden_size;
    const int64_t q_width = int64_t{ config.num_attention_heads } * config.head_dim;
    const int64_t k_width = int64_t{ config.num_key_value_heads } * config.head_dim;
    list.add("model.embed_tokens.embed_tokens.weight", { config.embedding_rows(), hidden }, tensor_role::embedding);
    for (int32_t l = 0; l < config.num_hidden_layers; ++l) {
        const std::string name = "model.layers." + std::to_string(l) + ".";
        list.add(name + "input_layernorm.weight", { hidden }, tensor_role::norm);
        list.add(name + "self_attn.q_proj.linear.weight", { q_width, hidden }, tensor_role::linear);
        list.add(name + "self_attn.k_proj.linear.weight", { k_width, hidden }, tensor_role::linear);
        list.add(name + "self_attn.v_proj.linear.weight", { k_width, hidden }, tensor_role::linear);
        list.add(name + "self_attn.o_proj.linear.weight", { hidden, q_width }, tensor_role::linear);
        list.add(name + "post_attention_layernorm.weight", { hidden }, tensor_role::norm);
        list.add(name + "mlp.fc1.weight", { config.ffn_dim, hidden }, tensor_role::linear);
        list.add(name + "mlp.fc2.weight", { hidden, config.ffn_dim / 2 }, tensor_role::linear);
    }
    list.add("model.norm.weight", { hidden }, tensor_role::norm);
    list.add("lm_head.weight", { config.output_vocab_size, hidden }, tensor_role::head);
    for (int32_t i = 0; i < config.num_extra_heads; ++i) {
        list.add(
            "extra_heads." + std::to_string(i) + ".weight", { config.extra_head_dim, hidden }, tensor_role::extra_head);
    }
}

}  // namespace

std::vector<canonical_tensor> canonical_tensors(const model_config & config) {
    const codec_config & codec = config.codec;
    tensor_list          list;
    add_seanet(list, codec);
    for (int32_t l = 0; l < codec.num_hidden_layers; ++l) {
        add_codec_block(list, codec, "encoder_transformer", l);
    }
    if (codec.columns_per_frame() > 1) {
        list.codec("downsample.conv.weight", { codec.hidden_size, codec.hidden_size, codec.downsample_kernel_size() });
    }
    add_quantizer(list, codec, "semantic", codec.num_semantic_quantizers);
    add_quantizer(list, codec, "acoustic", codec.num_quantizers - codec.num_semantic_quantizers);
    add_decoder(list, config.decoder);
    return list.take();
}

std::vector<canonical_tensor> codec_decoder_tensors(const codec_config & config) {
    tensor_list   list;
    const int64_t dim = config.vector_quantization_hidden_dimension;
    if (dim != config.hidden_size) {
        for (const char * kind : { "semantic", "acoustic" }) {
            list.codec(std::string("quantizer.") + kind + "_residual_vector_quantizer.output_proj.weight",
                       { config.hidden_size, dim, 1 });
        }
    }
    if (config.columns_per_frame() > 1) {
        list.codec(
            "upsample.conv.weight",
            { config.hidden_size, config.hidden_size / config.upsample_groups, config.downsample_kernel_size() });
    }
    for (int32_t l = 0; l < config.num_hidden_layers; ++l) {
        add_codec_block(list, config, "decoder_transformer", l);
    }
    add_decoder_seanet(list, config);
    return list.take();
}

}  // namespace kstt
