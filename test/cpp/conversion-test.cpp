// Conversion to our own GGUF: what is in the file, and that nothing of a failed one stays.
#include "convert/conversion.h"

#include "check.h"
#include "io/config-json.h"
#include "io/gguf-file.h"
#include "io/gguf-model.h"
#include "io/gguf-names.h"
#include "temp-folder.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

using namespace kstt;

namespace {

const std::string digits = std::string(KSTT_SOURCE_DIR) + "/models/digits-en";

constexpr element_type all_types[] = { element_type::f32,  element_type::f16,  element_type::bf16,
                                       element_type::q8_0, element_type::q4_0, element_type::q4_k };

conversion_options options_of(element_type type, std::vector<std::string> keep = {}, int32_t n_threads = 2) {
    conversion_options options;
    options.type      = type;
    options.keep      = std::move(keep);
    options.n_threads = n_threads;
    return options;
}

std::string convert(const temp_folder &        folder,
                    const conversion_options & options,
                    int64_t                    step   = INT64_MAX,
                    const std::string &        source = digits) {
    const std::string target = folder.path("model.gguf");
    conversion        work(source, target, options);
    while (work.done() < work.total()) {
        const int64_t before = work.done();
        work.advance(step);
        CHECK(work.done() > before);
    }
    CHECK(!std::filesystem::exists(target));
    work.finish();
    CHECK_EQUAL(static_cast<int64_t>(std::filesystem::file_size(target)), work.total());
    return target;
}

std::string file_bytes(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    return { std::istreambuf_iterator<char>(file), {} };
}

std::vector<float> values_of(const tensor_view & tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
    convert_to_f32(tensor, values.data());
    return values;
}

// The values that a canonical tensor of the file must stand for, in f32.
std::vector<float> expected_values(const checkpoint & source, const std::string & name) {
    if (source.find(name) != nullptr) {
        return values_of(*source.find(name));
    }
    const std::string        base   = name.substr(0, name.rfind('.') + 1);
    std::vector<float>       values = values_of(*source.find(base + "embed_sum"));
    const std::vector<float> usage  = values_of(*source.find(base + "cluster_usage"));
    const size_t             dim    = values.size() / usage.size();
    for (size_t i = 0; i < values.size(); ++i) {
        values[i] /= std::max(usage[i / dim], 1e-5F);
    }
    return values;
}

std::vector<uint8_t> ggml_bytes(const std::vector<float> & values, int64_t row, element_type type) {
    const auto           number = static_cast<ggml_type>(gguf_tensor_type(type));
    const auto           n      = static_cast<int64_t>(values.size());
    std::vector<uint8_t> bytes(ggml_row_size(number, row) * static_cast<size_t>(n / row));
    ggml_quantize_chunk(number, values.data(), bytes.data(), 0, n / row, row, nullptr);
    return bytes;
}

// Every type: configuration, vocabulary and names survive; each tensor is what ggml makes of the canonical values.
void test_contents() {
    const model_source source = open_model(digits, source_options());
    for (const element_type type : all_types) {
        const temp_folder  folder;
        const std::string  path = convert(folder, options_of(type));
        const model_source back = open_own_gguf(path);
        CHECK_EQUAL(back.layout, "gguf");
        CHECK_EQUAL(config_to_json(back.config).dump(), config_to_json(source.config).dump());
        CHECK(back.tokenizer.kind == source.tokenizer.kind);
        CHECK(back.tokenizer.bytes == source.tokenizer.bytes);
        const std::vector<canonical_tensor> tensors = canonical_tensors(source.config);
        CHECK_EQUAL(back.weights->tensors().size(), tensors.size());
        int n_wanted = 0;
        for (const canonical_tensor & tensor : tensors) {
            const tensor_view &      found    = back.weights->get(tensor.name, tensor.shape);
            const std::vector<float> expected = expected_values(*source.weights, tensor.name);
            CHECK_EQUAL(reinterpret_cast<uintptr_t>(found.data) % gguf_alignment, uintptr_t{ 0 });
            const std::vector<uint8_t> bytes = ggml_bytes(expected, tensor.shape.back(), found.type);
            CHECK(bytes.size() == found.n_bytes && std::memcmp(bytes.data(), found.data, bytes.size()) == 0);
            if (tensor.role == tensor_role::linear) {
                n_wanted += found.type == type ? 1 : 0;
            } else if (tensor.role != tensor_role::embedding && tensor.role != tensor_role::head) {
                CHECK(found.type == element_type::f32);
            } else if (is_block_format(type)) {
                CHECK(found.type == element_type::q8_0);
            } else {
                CHECK(found.type == type);
            }
        }
        // Rows of 128 hold no block of q4_k; those of fc2 have 256.
        CHECK_EQUAL(n_wanted, type == element_type::q4_k ? 3 : 18);
    }
}

// What a checkpoint asks of generate() goes along, through a second conversion too.
void test_generation_settings() {
    const temp_folder source;
    for (const auto & entry : std::filesystem::directory_iterator(digits)) {
        if (entry.is_regular_file()) {
            std::filesystem::copy(entry.path(), source.path() + "/" + entry.path().filename().u8string());
        }
    }
    source.write("generation_config.json",
                 R"({"bos_token_id": 270, "pad_token_id": 3, "eos_token_id": [5, 6], "repetition_penalty": 1.5})");
    const temp_folder folder;
    const std::string path = convert(folder, options_of(element_type::bf16), INT64_MAX, source.path());
    const auto        kept = open_own_gguf(path).config.generation;
    CHECK_EQUAL(kept.json, R"({"eos_token_id":[5,6],"repetition_penalty":1.5})");
    CHECK_EQUAL(kept.steering.size(), size_t{ 2 });
    const temp_folder second;
    CHECK_EQUAL(open_own_gguf(convert(second, options_of(element_type::q4_0), INT64_MAX, path)).config.generation.json,
                kept.json);
}

// The result depends neither on threads nor on the size of the steps.
void test_reproducible() {
    for (const element_type type : { element_type::bf16, element_type::q4_k }) {
        std::string first;
        for (const int32_t n_threads : { 1, 2, 5 }) {
            const temp_folder folder;
            const std::string bytes =
                file_bytes(convert(folder, options_of(type, {}, n_threads), 1 << (10 * n_threads)));
            CHECK(first.empty() || bytes == first);
            first = bytes;
        }
    }
}

void test_rules() {
    const temp_folder        folder;
    const conversion_options options =
        options_of(element_type::q4_0, { "model.layers.1.*", "*.v_proj.linear.weight=f16", "lm_head.weight=f32" });
    const std::string  path = convert(folder, options);
    const model_source back = open_own_gguf(path);
    const auto type_of = [&](const std::string & name) { return element_type_name(back.weights->find(name)->type); };
    CHECK_EQUAL(type_of("model.layers.0.mlp.fc1.weight"), std::string("q4_0"));
    CHECK_EQUAL(type_of("model.layers.1.mlp.fc1.weight"), std::string("bf16"));
    CHECK_EQUAL(type_of("model.layers.1.self_attn.v_proj.linear.weight"), std::string("bf16"));
    CHECK_EQUAL(type_of("model.layers.2.self_attn.v_proj.linear.weight"), std::string("f16"));
    CHECK_EQUAL(type_of("lm_head.weight"), std::string("f32"));
    CHECK_EQUAL(type_of("model.embed_tokens.embed_tokens.weight"), std::string("q8_0"));

    const conversion_options any = options_of(
        element_type::q4_0, { "codec_model.downsample.*=bf16", "*.codebook.embed=f16", "model.norm.weight" });
    const temp_folder  other;
    const model_source rules = open_own_gguf(convert(other, any));
    CHECK(rules.weights->find("codec_model.downsample.conv.weight")->type == element_type::bf16);
    const std::string acoustic = "codec_model.quantizer.acoustic_residual_vector_quantizer.";
    CHECK(rules.weights->find(acoustic + "layers.0.codebook.embed")->type == element_type::f16);
    CHECK(rules.weights->find("model.norm.weight")->type == element_type::bf16);
    CHECK(rules.weights->find("model.layers.0.input_layernorm.weight")->type == element_type::f32);

    const auto refuse = [&](const std::string & rule, const std::string & word) {
        CHECK_THROWS(conversion(digits, folder.path("y.gguf"), options_of(element_type::q8_0, { rule })),
                     KSTT_STATUS_INVALID_ARGUMENT,
                     rule,
                     word);
    };
    refuse("model.layer.*", "fits no tensor");
    CHECK_THROWS(parse_keep_rule("a*=q9"), KSTT_STATUS_INVALID_ARGUMENT, "q9");
    CHECK_THROWS(parse_keep_rule("=f32"), KSTT_STATUS_INVALID_ARGUMENT, "empty");
    CHECK_THROWS(parse_keep_rule(""), KSTT_STATUS_INVALID_ARGUMENT, "empty");

    CHECK(matches_glob("*", ""));
    CHECK(matches_glob("a*c*e", "abcde"));
    CHECK(matches_glob("a*bc", "abcbc"));
    CHECK(matches_glob("?b", "ab"));
    CHECK(!matches_glob("a*c", "abd"));
    CHECK(!matches_glob("?", ""));
    CHECK(!matches_glob("ab", "abc"));
    CHECK(!matches_glob("", "a"));
}

// The codec in f16; embeddings below 8 bits only where the rest is; the head and the norms as ever.
void test_small() {
    const auto types = [&](element_type type) {
        const temp_folder  folder;
        conversion_options options              = options_of(type);
        options.small                           = true;
        const model_source                 back = open_own_gguf(convert(folder, options));
        std::map<std::string, std::string> found;
        for (const tensor_view & tensor : back.weights->tensors()) {
            found[tensor.name] = element_type_name(tensor.type);
        }
        for (const canonical_tensor & tensor : canonical_tensors(back.config)) {
            const bool is_codec = tensor.role == tensor_role::codec || tensor.role == tensor_role::codebook;
            CHECK(!is_codec || found[tensor.name] == "f16");
        }
        CHECK_EQUAL(found["model.norm.weight"], "f32");
        return found;
    };
    const std::string table = "model.embed_tokens.embed_tokens.weight";
    CHECK_EQUAL(types(element_type::q8_0)[table], "q8_0");
    // Its rows of 128 are no blocks of q4_k.
    auto four = types(element_type::q4_0);
    CHECK_EQUAL(four[table], "q8_0");
    CHECK_EQUAL(four["lm_head.weight"], "q8_0");
    CHECK_EQUAL(four["model.layers.0.mlp.fc1.weight"], "q4_0");
}

void test_report() {
    const temp_folder    folder;
    conversion           work(digits, folder.path("model.gguf"), options_of(element_type::q4_k));
    const nlohmann::json report = nlohmann::json::parse(work.report());
    CHECK_EQUAL(report["dtype"], "q4_k");
    CHECK_EQUAL(report["layout"], "transformers");
    CHECK_EQUAL(report["bytes"].get<int64_t>(), work.total());
    std::map<std::string, nlohmann::json> tensors;
    for (const nlohmann::json & tensor : report["tensors"]) {
        tensors[tensor["name"]] = tensor;
    }
    CHECK(!tensors["model.layers.0.mlp.fc2.weight"].contains("reason"));
    const nlohmann::json & fell_back = tensors["model.layers.0.mlp.fc1.weight"];
    CHECK_EQUAL(fell_back["from"], "bf16");
    CHECK_EQUAL(fell_back["to"], "q8_0");
    CHECK(fell_back["reason"].get<std::string>().find("128") != std::string::npos);
    CHECK_EQUAL(tensors["codec_model.downsample.conv.weight"]["stored"], "codec.downsample.conv.weight");
}

// Our own file is a source like any other; rounding twice is refused, undoing is not.
void test_own_as_source() {
    const temp_folder first;
    const temp_folder second;
    const std::string path = convert(first, options_of(element_type::bf16));
    CHECK(file_bytes(convert(second, options_of(element_type::q8_0), INT64_MAX, path)).size() > 0);
    const temp_folder  direct;
    const model_source a = open_own_gguf(second.path("model.gguf"));
    const model_source b = open_own_gguf(convert(direct, options_of(element_type::q8_0)));
    for (const tensor_view & tensor : b.weights->tensors()) {
        const tensor_view & other = a.weights->get(tensor.name, tensor.shape);
        CHECK(other.n_bytes == tensor.n_bytes && std::memcmp(other.data, tensor.data, tensor.n_bytes) == 0);
    }
    const std::string quantized = second.path("model.gguf");
    CHECK_THROWS(conversion(quantized, first.path("z.gguf"), options_of(element_type::q4_0)),
                 KSTT_STATUS_MODEL_UNSUPPORTED,
                 "q8_0 already",
                 "original checkpoint");
    const temp_folder  third;
    const model_source wide = open_own_gguf(convert(third, options_of(element_type::f32), INT64_MAX, quantized));
    CHECK(wide.weights->find("lm_head.weight")->type == element_type::f32);
    CHECK_THROWS(conversion(quantized, quantized, options_of(element_type::q8_0)),
                 KSTT_STATUS_INVALID_ARGUMENT,
                 "file of the source");
}

void test_names() {
    const model_source source = open_model(digits, source_options());
    for (const canonical_tensor & tensor : canonical_tensors(source.config)) {
        CHECK(stored_name(tensor.name).size() <= max_gguf_name);
        CHECK_EQUAL(canonical_name(stored_name(tensor.name)), tensor.name);
    }
    // The longest one of a published model.
    CHECK(stored_name("codec_model.encoder_transformer.layers.7.post_attention_layernorm.weight").size() <=
          max_gguf_name);
    gguf_writer writer(64);
    CHECK_THROWS(
        writer.add_tensor(std::string(64, 'n'), { 1 }, element_type::f32), KSTT_STATUS_MODEL_UNSUPPORTED, "63 bytes");
    CHECK_THROWS(writer.add_tensor("n", { 1, 1, 1, 1, 1 }, element_type::f32), KSTT_STATUS_MODEL_UNSUPPORTED, "4 axes");
}

}  // namespace

int main() {
    return check_run({ test_contents,
                       test_generation_settings,
                       test_reproducible,
                       test_rules,
                       test_small,
                       test_report,
                       test_own_as_source,
                       test_names });
}
