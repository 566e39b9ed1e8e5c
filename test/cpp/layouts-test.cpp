// One random model in every layout: whatever the files, the canonical tensors are those of the transformers layout.
#include "check.h"
#include "io/model-source.h"
#include "io/safetensors-file.h"
#include "safetensors-bytes.h"
#include "temp-folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using kstt::checkpoint;
using kstt::element_type;
using kstt::model_source;
using kstt::open_model;
using kstt::tensor_view;

const std::string fixtures = std::string(KSTT_SOURCE_DIR) + "/test/fixtures/";

struct layout_case {
    const char * folder;
    const char * layout;
    const char * reference;     // parity fixture of the same model
    bool         half_convs;    // the codec's convolutions are stored in f16
    double       packing_step;  // 0, or how far an unpacked value may lie from the original, over the row's range
    int32_t      heads;
};

const std::vector<layout_case> cases = {
    { "original-f32", "original", "plain-f32", false, 0.0, 0 },
    { "candle-f32", "candle", "plain-f32", false, 0.0, 4 },
    { "moshi.cpp-f32", "moshi.cpp", "plain-f32", true, 0.0, 4 },
    { "original-bf16", "original", "bf16-mha", false, 0.0, 0 },
    { "mlx-bf16", "mlx", "bf16-mha", false, 0.0, 0 },
    { "mlx-q8", "mlx", "bf16-mha", false, 1.0 / 255, 0 },
    { "mlx-q4", "mlx", "bf16-mha", false, 1.0 / 15, 0 },
    { "moshi.cpp-bf16", "moshi.cpp", "bf16-mha", true, 0.0, 4 },
};

std::string folder_of(const layout_case & one) {
    return fixtures + "layouts/" + one.folder;
}

std::string reference_of(const layout_case & one) {
    return fixtures + "parity/" + one.reference + "/checkpoint";
}

std::vector<float> values_of(const tensor_view & tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
    kstt::convert_to_f32(tensor, values.data());
    return values;
}

bool starts_with(const std::string & text, const std::string & beginning) {
    return text.compare(0, beginning.size(), beginning) == 0;
}

bool ends_with(const std::string & text, const std::string & ending) {
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// Not read by anything (spec 2.6).
bool is_unused(const std::string & name) {
    return starts_with(name, "codec_model.decoder") || starts_with(name, "codec_model.upsample") ||
           name.find("output_proj") != std::string::npos || ends_with(name, ".initialized");
}

// Sums and usage are no values of their own: their quotient is.
std::vector<float> entries_of(const checkpoint & weights, const std::string & sum_name) {
    const std::string   usage_name = sum_name.substr(0, sum_name.size() - 9) + "cluster_usage";
    const tensor_view * sum        = weights.find(sum_name);
    const tensor_view * usage      = weights.find(usage_name);
    std::vector<float>  entries    = values_of(*sum);
    const auto          counts     = values_of(*usage);
    const auto          width      = static_cast<size_t>(sum->shape.at(1));
    for (size_t i = 0; i < entries.size(); ++i) {
        entries[i] /= std::max(counts[i / width], 1e-5F);
    }
    return entries;
}

// The farthest that two sets of values lie apart, over `scale` of the value (or absolutely for a scale of 0).
void check_values(const std::string &        what,
                  const std::vector<float> & found,
                  const std::vector<float> & expected,
                  double                     relative,
                  double                     absolute) {
    // A head may lack the start token's row of zeros.
    check_result(found.size() <= expected.size() && !found.empty(), __FILE__, __LINE__, what + ": other size");
    size_t n_wrong = 0;
    for (size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
        const double difference = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
        n_wrong += difference <= relative * std::abs(static_cast<double>(expected[i])) + absolute ? 0 : 1;
    }
    check_result(n_wrong == 0, __FILE__, __LINE__, what + ": " + std::to_string(n_wrong) + " values differ");
}

double range_of(const std::vector<float> & values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return static_cast<double>(*high) - static_cast<double>(*low);
}

void compare_tensors(const layout_case & one) {
    const model_source found    = open_model(folder_of(one), {});
    const model_source expected = open_model(reference_of(one), {});
    CHECK_EQUAL(found.layout, one.layout);
    CHECK_EQUAL(expected.layout, "transformers");
    size_t n_compared = 0;
    for (const tensor_view & listed : expected.weights->tensors()) {
        const std::string & name = listed.name;
        if (is_unused(name) || ends_with(name, ".cluster_usage")) {
            continue;
        }
        const std::string   what   = std::string(one.folder) + ": " + name;
        const tensor_view * tensor = found.weights->find(name);
        check_result(tensor != nullptr, __FILE__, __LINE__, what + " is missing");
        if (tensor == nullptr) {
            continue;
        }
        ++n_compared;
        if (ends_with(name, ".embed_sum")) {
            // One division more or less.
            check_values(what, entries_of(*found.weights, name), entries_of(*expected.weights, name), 1e-6, 0.0);
            continue;
        }
        const auto   values = values_of(*expected.weights->find(name));
        const bool   conv   = starts_with(name, "codec_model.") && ends_with(name, ".conv.weight");
        // Half of a step of f16, and its smallest numbers.
        const double half   = one.half_convs && conv ? 0x1p-11 : 0.0;
        const bool   packed = one.packing_step > 0.0 && !starts_with(name, "codec_model.");
        // MLX moves the ends of a group so that zero stays zero: up to a whole step. bf16 rounds by 2^-9.
        const double step   = packed ? one.packing_step * range_of(values) : 0.0;
        check_values(
            what, values_of(*tensor), values, half + (packed ? 0x1p-9 : 0.0), step + (half > 0 ? 0x1p-24 : 0.0));
        if (!packed && !one.half_convs) {
            check_result(tensor->type == listed.type, __FILE__, __LINE__, what + ": another type");
        }
    }
    CHECK(n_compared > 50);
    for (int32_t i = 0; i < one.heads; ++i) {
        CHECK(found.weights->find("extra_heads." + std::to_string(i) + ".weight") != nullptr);
    }
}

void test_tensors() {
    for (const layout_case & one : cases) {
        compare_tensors(one);
    }
}

void test_configs() {
    for (const layout_case & one : cases) {
        const kstt::model_config found    = open_model(folder_of(one), {}).config;
        const kstt::model_config expected = open_model(reference_of(one), {}).config;
        CHECK_EQUAL(found.decoder.hidden_size, expected.decoder.hidden_size);
        CHECK_EQUAL(found.decoder.head_dim, expected.decoder.head_dim);
        CHECK_EQUAL(found.decoder.ffn_dim, expected.decoder.ffn_dim);
        CHECK_EQUAL(found.decoder.sliding_window, expected.decoder.sliding_window);
        CHECK_EQUAL(found.decoder.rms_norm_eps, expected.decoder.rms_norm_eps);
        CHECK_EQUAL(found.decoder.rope_theta, expected.decoder.rope_theta);
        CHECK_EQUAL(found.decoder.vocab_size, expected.decoder.vocab_size);
        CHECK_EQUAL(found.decoder.bos_token_id, expected.decoder.bos_token_id);
        CHECK_EQUAL(found.decoder.audio_pad_token_id, expected.decoder.audio_pad_token_id);
        CHECK_EQUAL(found.codec.rope_theta, expected.codec.rope_theta);
        CHECK_EQUAL(found.codec.sliding_window, expected.codec.sliding_window);
        CHECK_EQUAL(found.codec.frame_size(), expected.codec.frame_size());
        CHECK_EQUAL(found.audio_delay_seconds, expected.audio_delay_seconds);
        CHECK_EQUAL(found.decoder.num_extra_heads, one.heads);
        CHECK_EQUAL(found.decoder.extra_head_dim, one.heads > 0 ? 6 : 0);
        // The start token never comes out of a model in its own layout.
        CHECK_EQUAL(found.decoder.output_vocab_size, found.decoder.vocab_size - 1);
        CHECK_EQUAL(expected.decoder.output_vocab_size, expected.decoder.vocab_size);
    }
}

// As MLX itself unpacks: it rounds after each of two operations where we round once.
void test_mlx_unpacking() {
    const kstt::safetensors_file unpacked(fixtures + "layouts/mlx-unpacked.safetensors");
    CHECK_EQUAL(unpacked.tensors().size(), 6U);
    for (const tensor_view & tensor : unpacked.tensors()) {
        const std::string bits   = tensor.name.substr(0, 2);
        const std::string name   = tensor.name.substr(3);
        std::string       folder = fixtures;
        folder += "layouts/mlx-";
        folder += bits;
        const model_source found = open_model(folder, {});
        std::vector<float> values;
        if (name == "text_emb.weight") {
            values = values_of(*found.weights->find("model.embed_tokens.embed_tokens.weight"));
            values.resize(static_cast<size_t>(tensor.n_elements()));
        } else if (ends_with(name, "in_proj_weight")) {
            values = values_of(*found.weights->find("model.layers.1.self_attn.v_proj.linear.weight"));
        } else {
            values = values_of(*found.weights->find("model.layers.2.mlp.fc2.weight"));
        }
        std::vector<float> expected = values_of(tensor);
        expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(values.size()));
        check_values(tensor.name, values, expected, 0x1p-8, 0x1p-8 * range_of(expected));
    }
}

void test_paths() {
    // The file of weights stands for its folder.
    CHECK_EQUAL(open_model(fixtures + "layouts/original-f32/model.safetensors", {}).layout, "original");
    CHECK_EQUAL(open_model(fixtures + "layouts/mlx-q4/model.q4.safetensors", {}).layout, "mlx");
    CHECK_EQUAL(open_model(fixtures + "layouts/moshi.cpp-f32/model.gguf", {}).layout, "moshi.cpp");
    CHECK_EQUAL(open_model(fixtures + "parity/plain-f32/checkpoint/model.safetensors", {}).layout, "transformers");
    const model_source source = open_model(fixtures + "layouts/candle-f32", {});
    CHECK_EQUAL(source.files.size(), 3U);
    CHECK(source.tokenizer.kind == kstt::tokenizer_kind::sentencepiece);
    CHECK(!source.tokenizer.bytes.empty());
}

void test_options() {
    kstt::source_options options;
    options.n_codebooks    = 5;
    const model_source few = open_model(fixtures + "layouts/original-f32", options);
    CHECK_EQUAL(few.config.decoder.num_codebooks, 5);
    CHECK_EQUAL(few.config.decoder.table_codebooks, 8);
    CHECK_EQUAL(few.config.codec.num_quantizers, 5);
    for (const int32_t n : { -1, 1, 9 }) {
        options.n_codebooks = n;
        CHECK_THROWS(open_model(fixtures + "layouts/original-f32", options), KSTT_STATUS_INVALID_ARGUMENT, "2 to 8");
    }
    options.n_codebooks       = 0;
    options.compat            = kstt::compat_mode::transformers;
    const model_source compat = open_model(fixtures + "layouts/original-f32", options);
    // The head gets the zero row; this small table has no row 48000 that the start token could be.
    CHECK_EQUAL(compat.config.decoder.output_vocab_size, 401);
    CHECK_EQUAL(compat.config.decoder.bos_token_id, 400);
    const std::vector<float> head = values_of(compat.weights->get("lm_head.weight", { 401, 48 }));
    CHECK(std::all_of(head.end() - 48, head.end(), [](float value) { return value == 0.0F; }));
}

// A folder in the transformers layout with this configuration and no more weights than a header needs.
int32_t window_of(const nlohmann::json & config, kstt::compat_mode compat) {
    const temp_folder folder;
    folder.write("config.json", config.dump());
    folder.write("preprocessor_config.json", R"({"sampling_rate": 24000, "audio_delay_seconds": 0.5})");
    folder.write("tokenizer.json", "{}");
    folder.write("model.safetensors", safetensors_bytes({ { "one", "F32", { 1 }, std::string(4, '\0') } }));
    kstt::source_options options;
    options.compat = compat;
    return open_model(folder.path(), options).config.decoder.sliding_window;
}

// Only stt-1b-en_fr as transformers' conversion leaves it gets the window it was trained with, and only on demand.
void test_trained_window() {
    using kstt::compat_mode;
    const nlohmann::json converted = {
        { "model_type", "kyutai_speech_to_text" },
        { "num_hidden_layers", 16 },
        { "num_attention_heads", 16 },
        { "vocab_size", 8001 },
        { "sliding_window", 375 },
    };
    CHECK_EQUAL(window_of(converted, compat_mode::files), 375);
    CHECK_EQUAL(window_of(converted, compat_mode::transformers), 375);
    CHECK_EQUAL(window_of(converted, compat_mode::trained), 750);
    const std::vector<std::pair<const char *, int32_t>> others = {
        { "num_hidden_layers", 17 },  { "num_attention_heads", 32 },
        { "num_key_value_heads", 8 }, { "hidden_size", 1024 },
        { "ffn_dim", 11266 },         { "vocab_size", 8002 },
        { "num_codebooks", 31 },      { "codebook_vocab_size", 2050 },
        { "head_dim", 64 },
    };
    for (const auto & [key, value] : others) {
        nlohmann::json other        = converted;
        other[key]                  = value;
        // Smaller tables have no row of the ids that transformers' defaults name.
        other["audio_pad_token_id"] = 3;
        CHECK_EQUAL(window_of(other, compat_mode::trained), 375);
    }
    for (const int32_t window : { 374, 376, 750, 1000 }) {
        nlohmann::json other    = converted;
        other["sliding_window"] = window;
        CHECK_EQUAL(window_of(other, compat_mode::trained), window);
    }
    // stt-2.6b-en has 375 by right: transformers' defaults are its dimensions.
    CHECK_EQUAL(window_of({ { "model_type", "kyutai_speech_to_text" } }, compat_mode::trained), 375);
    kstt::source_options options;
    options.compat = compat_mode::trained;
    for (const char * layout : { "original-f32", "candle-f32", "mlx-q4", "moshi.cpp-f32" }) {
        const std::string path = fixtures + "layouts/" + layout;
        CHECK_EQUAL(open_model(path, options).config.decoder.sliding_window,
                    open_model(path, {}).config.decoder.sliding_window);
    }
}

// Tensors that had to be made can be given back, and are made anew.
void test_release() {
    const model_source  source = open_model(fixtures + "layouts/original-bf16", {});
    const std::string   name   = "model.layers.0.self_attn.q_proj.linear.weight";
    const tensor_view & first  = source.weights->get(name, { 64, 64 });
    const auto          values = values_of(first);
    source.weights->release(first);
    CHECK(values == values_of(source.weights->get(name, { 64, 64 })));
    CHECK_THROWS(source.weights->get(name, { 64, 65 }), KSTT_STATUS_MODEL_FORMAT, name, "[64, 65]", "[64, 64]");
    CHECK_THROWS(source.weights->get("absent", { 1 }), KSTT_STATUS_MODEL_FORMAT, "absent");
    CHECK(source.weights->find("absent") == nullptr);
}

}  // namespace

int main() {
    return check_run({ test_tensors,
                       test_configs,
                       test_mlx_unpacking,
                       test_paths,
                       test_options,
                       test_trained_window,
                       test_release });
}
