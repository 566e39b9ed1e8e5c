#include "io/original-config.h"

#include "io/config-reader.h"
#include "runtime/error.h"

#include <algorithm>

namespace kstt {
namespace {

using nlohmann::json;

// Keys that make another model of it, and what they are in every checkpoint of this family.
void check_kind(const json_value & root, const config_reader & reader) {
    if (!reader.is_null("model_type") && reader.string("model_type", "") != "stt") {
        reader.unsupported("model_type", "\"stt\"");
    }
    if (reader.integer("dep_q", 0, 0, max_layers) != 0) {
        reader.unsupported("dep_q", "0 (a model that only listens)");
    }
    if (!reader.boolean("causal", true)) {
        reader.unsupported("causal", "true");
    }
    for (const char * key : { "cross_attention", "demux_second_stream", "norm_emb", "bias_proj", "quantize", "lora" }) {
        if (!reader.is_null(key) && reader.boolean(key, false)) {
            reader.unsupported(key, "false");
        }
    }
    for (const char * key : { "layer_scale", "text_card_out", "lora_name" }) {
        if (!reader.is_null(key)) {
            reader.unsupported(key, "null");
        }
    }
    if (!reader.is_null("conditioners") && !root.at("conditioners").raw().empty()) {
        reader.unsupported("conditioners", "an empty object");
    }
    if (!reader.is_null("delays")) {
        const json_value delays = root.at("delays");
        delays.expect_array();
        for (size_t i = 0; i < delays.raw().size(); ++i) {
            if (delays.at(i).integer(-max_dimension, max_dimension) != 0) {
                reader.unsupported("delays", "a list of zeros");
            }
        }
    }
    const auto expect = [&](const char * key, const char * value) {
        if (reader.string(key, value) != value) {
            reader.unsupported(key, std::string("\"") + value + "\"");
        }
    };
    expect("gating", "silu");
    expect("positional_embedding", "rope");
}

double norm_epsilon(const config_reader & reader) {
    const std::string norm = reader.string("norm", "rms_norm_f32");
    if (norm == "rms_norm_f32") {
        return 1e-8;
    }
    if (norm == "rms_norm") {
        return 1e-5;
    }
    reader.unsupported("norm", "\"rms_norm_f32\" or \"rms_norm\"");
}

// A dimension that must be said.
int32_t required(const json_value & root, const char * key) {
    return static_cast<int32_t>(root.at(key).integer(1, max_dimension));
}

void read_stt_config(const json_value & root, original_config & config) {
    constexpr double    max_seconds = 600.0;
    const json_value    value       = root.at("stt_config");
    const config_reader reader(value);
    (void) value.at("audio_delay_seconds");
    config.audio_delay_seconds          = reader.number("audio_delay_seconds", 0.0, 0.0, max_seconds);
    config.audio_silence_prefix_seconds = reader.number("audio_silence_prefix_seconds", 0.0, 0.0, max_seconds);
}

// transformers' keys of the codec that a mimi_config_name document speaks of; the rest are the class defaults.
json translate_codec(const json_value & mimi, int32_t n_q) {
    const json_value    seanet_value      = mimi.at("seanet");
    const json_value    quantizer_value   = mimi.at("quantizer");
    const json_value    transformer_value = mimi.at("transformer");
    const config_reader root(mimi);
    const config_reader seanet(seanet_value);
    const config_reader quantizer(quantizer_value);
    const config_reader transformer(transformer_value);
    if (seanet.string("norm", "none") != "none" && seanet.string("norm", "none") != "weight_norm") {
        seanet.unsupported("norm", "\"none\" or \"weight_norm\"");
    }
    if (transformer.string("gating", "none") != "none") {
        transformer.unsupported("gating", "\"none\"");
    }
    if (transformer.string("positional_embedding", "rope") != "rope") {
        transformer.unsupported("positional_embedding", "\"rope\"");
    }
    if (quantizer.integer("n_q", 32, 1, max_layers) < n_q) {
        quantizer.fail("n_q", format("must not be below n_q of config.json, %d", n_q));
    }
    const int32_t heads = transformer.dimension("num_heads", 8);
    const int32_t dim   = transformer.dimension("d_model", 512);
    return { { "model_type", "mimi" },
             { "sampling_rate", root.integer("sample_rate", 24000, 1000, 768000) },
             { "audio_channels", root.dimension("channels", 1) },
             { "hidden_size", seanet.dimension("dimension", 512) },
             { "num_filters", seanet.dimension("n_filters", 64) },
             { "num_residual_layers", seanet.integer("n_residual_layers", 1, 0, 64) },
             { "upsampling_ratios", seanet.dimensions("ratios", { 8, 6, 5, 4 }) },
             { "kernel_size", seanet.dimension("kernel_size", 7) },
             { "last_kernel_size", seanet.dimension("last_kernel_size", 3) },
             { "residual_kernel_size", seanet.dimension("residual_kernel_size", 3) },
             { "dilation_growth_rate", seanet.dimension("dilation_base", 2) },
             { "compress", seanet.dimension("compress", 2) },
             { "use_causal_conv", seanet.boolean("causal", true) },
             { "use_conv_shortcut", !seanet.boolean("true_skip", true) },
             { "pad_mode", seanet.string("pad_mode", "constant") },
             { "trim_right_ratio", seanet.number("trim_right_ratio", 1.0) },
             { "upsample_groups", seanet.dimension("dimension", 512) },  // moshi's upsampling is channel by channel
             { "codebook_size", quantizer.dimension("bins", 2048) },
             { "codebook_dim", quantizer.dimension("dimension", 256) },
             { "vector_quantization_hidden_dimension", quantizer.dimension("dimension", 256) },
             { "num_quantizers", n_q },
             { "num_semantic_quantizers", 1 },
             { "num_hidden_layers", transformer.integer("num_layers", 8, 1, max_layers) },
             { "intermediate_size", transformer.dimension("dim_feedforward", 2048) },
             { "num_attention_heads", heads },
             { "num_key_value_heads", heads },
             { "head_dim", dim / heads },
             { "hidden_act", "gelu" },
             { "norm_eps", 1e-5 },
             { "rope_theta", transformer.number("max_period", 10000.0, 1e-6, 1e12) },
             { "sliding_window", transformer.dimension("context", 250) },
             { "attention_bias", false },
             { "frame_rate", root.number("frame_rate", 12.5) } };
}

json_value document(const json & value, const std::string & source) {
    const std::string text = value.dump();
    return json_value::parse(text.data(), text.size(), source);
}

}  // namespace

bool is_original_config(const json_value & root) {
    return (root.contains("card") || root.contains("n_q")) && !root.contains("codebook_vocab_size");
}

original_config read_original_config(const json_value & root) {
    const config_reader reader(root);
    check_kind(root, reader);
    original_config config;
    config.dim        = required(root, "dim");
    config.num_layers = static_cast<int32_t>(root.at("num_layers").integer(1, max_layers));
    config.num_heads  = required(root, "num_heads");
    config.kv_repeat  = reader.dimension("kv_repeat", 1);
    config.context    = required(root, "context");
    (void) root.at("max_period");
    config.max_period               = reader.number("max_period", 0.0, 1e-6, 1e12);
    config.n_q                      = static_cast<int32_t>(root.at("n_q").integer(2, max_layers));
    config.card                     = required(root, "card");
    config.text_card                = required(root, "text_card");
    config.existing_text_padding_id = reader.integer("existing_text_padding_id", 3, 0, config.text_card - 1);
    config.norm_eps                 = norm_epsilon(reader);
    read_stt_config(root, config);

    if (config.num_heads % config.kv_repeat != 0) {
        reader.fail("kv_repeat", format("must divide num_heads, %d, but is %d", config.num_heads, config.kv_repeat));
    }
    if (config.dim % config.num_heads != 0) {
        reader.fail("num_heads", format("must divide dim, %d, but is %d", config.dim, config.num_heads));
    }
    if (reader.contains("extra_heads_num_heads")) {
        config.extra_heads_num_heads = reader.integer("extra_heads_num_heads", 0, 0, 64);
    } else if (!reader.is_null("extra_heads")) {
        config.extra_heads_num_heads = static_cast<int32_t>(root.at("extra_heads").at("num_heads").integer(0, 64));
    }
    const auto name   = [&](const char * key) { return reader.is_null(key) ? std::string() : reader.string(key, ""); };
    config.moshi_name = name("moshi_name");
    config.mimi_name  = name("mimi_name");
    config.mimi_config_name = name("mimi_config_name");
    config.tokenizer_name   = name("tokenizer_name");
    return config;
}

model_config translate_config(const json_value &      root,
                              const original_config & config,
                              const json_value *      mimi,
                              int64_t                 ffn_dim,
                              bool                    as_converted) {
    const int64_t table_rows = config.text_card + 1 + static_cast<int64_t>(config.n_q) * (config.card + 1) + 1;
    int32_t       context    = config.context;
    int64_t       bos        = config.text_card;
    int64_t       audio_pad  = table_rows - 1;
    if (as_converted) {
        // What its conversion leaves at the class defaults (spec 5.4); ids only where the table has such rows.
        context   = std::min(context, 375);
        bos       = table_rows > 48000 ? 48000 : bos;
        audio_pad = table_rows > 69569 ? 69569 : audio_pad;
    }
    json document_json = { { "model_type", "kyutai_speech_to_text" },
                           { "codebook_vocab_size", config.card + 1 },
                           { "vocab_size", config.text_card + 1 },
                           { "hidden_size", config.dim },
                           { "num_hidden_layers", config.num_layers },
                           { "num_attention_heads", config.num_heads },
                           { "num_key_value_heads", config.num_heads / config.kv_repeat },
                           { "head_dim", config.dim / config.num_heads },
                           { "rope_parameters", { { "rope_theta", config.max_period }, { "rope_type", "default" } } },
                           { "hidden_act", "silu" },
                           { "sliding_window", context },
                           { "ffn_dim", ffn_dim },
                           { "rms_norm_eps", config.norm_eps },
                           { "num_codebooks", config.n_q },
                           { "audio_bos_token_id", config.card },
                           { "audio_pad_token_id", audio_pad },
                           { "tie_word_embeddings", false },
                           { "pad_token_id", config.existing_text_padding_id },
                           { "bos_token_id", bos } };
    if (mimi != nullptr) {
        document_json["codec_config"] = translate_codec(*mimi, config.n_q);
    } else {
        document_json["codec_config"] = { { "model_type", "mimi" }, { "num_quantizers", config.n_q } };
    }
    const json        features   = { { "sampling_rate", document_json["codec_config"].value("sampling_rate", 24000) },
                                     { "audio_delay_seconds", config.audio_delay_seconds },
                                     { "audio_silence_prefix_seconds", config.audio_silence_prefix_seconds } };
    // Checks that involve several keys are those of the transformers layout; they speak of its names.
    const std::string source     = root.source() + " (as transformers' config.json)";
    const json_value  translated = document(document_json, source);
    return parse_model_config(translated, nullptr, document(features, source));
}

}  // namespace kstt
