// Conversion to the weights of the transformers layout: from every layout the same tensors, whole or in shards; and the
// codec's decoder half in a GGUF.
#include "check.h"
#include "convert/conversion.h"
#include "io/composed-checkpoint.h"
#include "io/gguf-model.h"
#include "io/gguf-names.h"
#include "io/json-file.h"
#include "io/mapped-file.h"
#include "temp-folder.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

using namespace kstt;

namespace {

const std::string fixtures = std::string(KSTT_SOURCE_DIR) + "/test/fixtures/";
const std::string digits   = std::string(KSTT_SOURCE_DIR) + "/models/digits-en";
// Has the codec's decoder half, biases in its attention, and shortcuts.
const std::string varied   = fixtures + "codec/varied/checkpoint";

conversion_options to_folder() {
    conversion_options options;
    options.format    = target_format::safetensors;
    options.n_threads = 2;
    return options;
}

nlohmann::json convert(const std::string & source, const std::string & target, const conversion_options & options) {
    conversion work(source, target, options);
    while (work.done() < work.total()) {
        work.advance(100000);
    }
    work.finish();
    return nlohmann::json::parse(work.report());
}

std::set<std::string> names_in(const std::string & folder) {
    const std::vector<std::string> names = names_in_folder(folder);
    return { names.begin(), names.end() };
}

bool same_bytes(const tensor_view & a, const tensor_view & b) {
    return a.type == b.type && a.shape == b.shape && a.n_bytes == b.n_bytes &&
           std::memcmp(a.data, b.data, a.n_bytes) == 0;
}

std::vector<float> values_of(const tensor_view & tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
    convert_to_f32(tensor, values.data());
    return values;
}

std::string file_bytes(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    return { std::istreambuf_iterator<char>(file), {} };
}

// A safetensors file with an empty tensor "extra" besides.
std::string with_extra_tensor(const std::string & file) {
    uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof(length));
    auto         header      = nlohmann::json::parse(file.substr(8, static_cast<size_t>(length)));
    const size_t n_data      = file.size() - 8 - static_cast<size_t>(length);
    header["extra"]          = { { "dtype", "F32" }, { "shape", { 0 } }, { "data_offsets", { n_data, n_data } } };
    const std::string text   = header.dump();
    const uint64_t    longer = text.size();
    std::string       result(sizeof(longer), '\0');
    std::memcpy(result.data(), &longer, sizeof(longer));
    return result + text + file.substr(8 + static_cast<size_t>(length));
}

// The head of a source without a row for the start token is one row of zeros shorter.
void check_head(const tensor_view & found, const tensor_view & stored) {
    CHECK(found.type == stored.type);
    CHECK(std::memcmp(found.data, stored.data, stored.n_bytes) == 0);
    for (size_t i = stored.n_bytes; i < found.n_bytes; ++i) {
        CHECK_EQUAL(static_cast<int>(found.data[i]), 0);
    }
}

// What was written stands for the same numbers as the source's canonical tensors, byte for byte.
void check_same(const model_source & source, const checkpoint & found) {
    for (const canonical_tensor & tensor : canonical_tensors(source.config)) {
        const std::string base = tensor.name.substr(0, tensor.name.rfind('.') + 1);
        if (tensor.role == tensor_role::extra_head) {
            CHECK(found.find(tensor.name) == nullptr);
        } else if (tensor.role == tensor_role::codebook) {
            CHECK(same_bytes(*found.find(base + "embed_sum"), *source.weights->find(base + "embed_sum")));
            CHECK(same_bytes(*found.find(base + "cluster_usage"), *source.weights->find(base + "cluster_usage")));
            CHECK(values_of(found.get(base + "initialized", { 1 })) == std::vector<float>{ 1.0F });
        } else if (tensor.role == tensor_role::head) {
            check_head(found.get(tensor.name, { source.config.decoder.vocab_size, tensor.shape[1] }),
                       *source.weights->find(tensor.name));
        } else {
            CHECK(same_bytes(*found.find(tensor.name), *source.weights->find(tensor.name)));
        }
    }
}

void test_layouts() {
    for (const char * name : { "original-f32", "candle-f32", "moshi.cpp-f32", "original-bf16", "mlx-q4" }) {
        const temp_folder    folder;
        const std::string    path   = fixtures + "layouts/" + name;
        const nlohmann::json report = convert(path, folder.path("out"), to_folder());
        CHECK_EQUAL(report["format"], "safetensors");
        CHECK_EQUAL(report["codecDecoder"], false);
        const bool has_heads = report["layout"] == "candle" || report["layout"] == "moshi.cpp";
        CHECK_EQUAL(report["leftOut"].size(), has_heads ? size_t{ 4 } : size_t{ 0 });
        CHECK(names_in(folder.path("out")) == std::set<std::string>{ "model.safetensors" });
        check_same(open_model(path, source_options()), *checkpoint::open(folder.path("out")));
    }
}

// A shard ends where the next tensor would make it too large; a larger tensor has one for itself.
void test_shards() {
    const temp_folder  folder;
    conversion_options options  = to_folder();
    options.max_shard_bytes     = 100000;
    const nlohmann::json report = convert(varied, folder.path("out"), options);
    CHECK(report["codecDecoder"] == true);
    const size_t n_files = report["files"].size();
    CHECK(n_files > 3);
    const std::set<std::string> names = names_in(folder.path("out"));
    CHECK_EQUAL(names.size(), n_files);
    CHECK_EQUAL(names.count(format("model-00002-of-%05d.safetensors", static_cast<int>(n_files) - 1)), size_t{ 1 });
    const model_source source = open_model(varied, source_options());
    const auto         found  = checkpoint::open(folder.path("out"));
    CHECK_EQUAL(found->tensors().size(), source.weights->tensors().size());
    for (const tensor_view & tensor : source.weights->tensors()) {
        const tensor_view * copy = found->find(tensor.name);
        CHECK(copy != nullptr && same_bytes(*copy, tensor));
        CHECK_EQUAL(reinterpret_cast<uintptr_t>(copy->data) % element_type_size(copy->type), uintptr_t{ 0 });
    }
    const json_value index =
        json_value::read(path_in_folder(folder.path("out"), "model.safetensors.index.json"), size_t{ 1 } << 20U);
    CHECK_EQUAL(index.at("weight_map").raw().size(), source.weights->tensors().size());
    CHECK(index.at("metadata").at("total_size").raw().get<int64_t>() > 0);
}

// Tensors that no model of this family has are named, not passed over; those of a half that is not whole are kept.
void test_left_out() {
    const temp_folder folder;
    const std::string source = fixtures + "parity/bf16/checkpoint";
    CHECK(convert(source, folder.path("a"), to_folder())["leftOut"].empty());
    CHECK(checkpoint::open(folder.path("a"))->tensors().size() == checkpoint::open(source)->tensors().size());

    std::filesystem::copy(source, folder.path("b"));
    std::string       bytes = file_bytes(folder.path("b/model.safetensors"));
    const std::string name  = "model.norm.weight";
    const size_t      at    = bytes.find(name);
    bytes[at]               = 'n';
    std::ofstream(folder.path("b/model.safetensors"), std::ios::binary) << bytes;
    CHECK_THROWS(conversion(folder.path("b"), folder.path("c"), to_folder()), KSTT_STATUS_MODEL_FORMAT, name);

    std::ofstream(folder.path("b/model.safetensors"), std::ios::binary)
        << with_extra_tensor(file_bytes(source + "/model.safetensors"));
    CHECK_EQUAL(convert(folder.path("b"), folder.path("d"), to_folder())["leftOut"].dump(), "[\"extra\"]");
}

// Block formats become bf16, or what is asked for; the codec's f16 stays.
void test_types() {
    const temp_folder  folder;
    conversion_options small;
    small.type      = element_type::q8_0;
    small.small     = true;
    small.n_threads = 2;
    convert(digits, folder.path("small.gguf"), small);
    const auto type_of = [&](const checkpoint & weights, const char * name) {
        return std::string(element_type_name(weights.find(name)->type));
    };
    const char * const linear = "model.layers.0.mlp.fc1.weight";
    const char * const conv   = "codec_model.downsample.conv.weight";
    const auto         report = convert(folder.path("small.gguf"), folder.path("a"), to_folder());
    CHECK_EQUAL(report["dtype"], "bf16");
    const auto plain = checkpoint::open(folder.path("a"));
    CHECK_EQUAL(type_of(*plain, linear), "bf16");
    CHECK_EQUAL(type_of(*plain, conv), "f16");
    conversion_options wide = to_folder();
    wide.type               = element_type::f32;
    wide.keep               = { "lm_head.weight=f16" };
    CHECK_EQUAL(convert(folder.path("small.gguf"), folder.path("b"), wide)["dtype"], "f32");
    const auto exact = checkpoint::open(folder.path("b"));
    const auto gguf  = open_own_gguf(folder.path("small.gguf"));
    CHECK(values_of(*exact->find(linear)) == values_of(*gguf.weights->find(linear)));
    CHECK_EQUAL(type_of(*exact, "lm_head.weight"), "f16");
    const auto refuse = [&](const conversion_options & options, const char * word) {
        CHECK_THROWS(conversion(digits, folder.path("c"), options), KSTT_STATUS_INVALID_ARGUMENT, word);
        CHECK(!std::filesystem::exists(folder.path("c")));
    };
    conversion_options blocks = to_folder();
    blocks.type               = element_type::q8_0;
    refuse(blocks, "q8_0");
    conversion_options rule = to_folder();
    rule.keep               = { "lm_head.weight=q4_0" };
    refuse(rule, "q4_0");
    conversion_options mixed = to_folder();
    mixed.small              = true;
    refuse(mixed, "GGUF");
    conversion_options sharded;
    sharded.max_shard_bytes = 1;
    refuse(sharded, "one file");
}

void test_folders() {
    const temp_folder folder;
    {
        conversion work(digits, folder.path("deep/down"), to_folder());
        work.advance(1);
        CHECK(std::filesystem::exists(folder.path("deep/down")));
        CHECK_THROWS(work.finish(), KSTT_STATUS_INVALID_STATE, "not done");
    }
    CHECK(!std::filesystem::exists(folder.path("deep")));
    CHECK_THROWS(conversion(digits, "", to_folder()), KSTT_STATUS_INVALID_ARGUMENT, "no name");
    std::ofstream(folder.path("file")) << "x";
    CHECK_THROWS(conversion(digits, folder.path("file"), to_folder()), KSTT_STATUS_FILE_ACCESS, "cannot be made");
    CHECK_THROWS(conversion(digits, folder.path("file/below"), to_folder()), KSTT_STATUS_FILE_ACCESS, "cannot be made");
    const std::string own = folder.path("own");
    std::filesystem::copy(digits, own);
    CHECK_THROWS(conversion(own, own, to_folder()), KSTT_STATUS_INVALID_ARGUMENT, "folder of the source");
    CHECK_THROWS(conversion(own, own + "/", to_folder()), KSTT_STATUS_INVALID_ARGUMENT, "folder of the source");
}

// The decoder half is in a GGUF if asked for, under names that fit, and only then.
void test_codec_decoder() {
    const temp_folder  folder;
    conversion_options options;
    options.type      = element_type::bf16;
    options.n_threads = 2;
    convert(varied, folder.path("without.gguf"), options);
    options.codec_decoder = true;
    CHECK_EQUAL(convert(varied, folder.path("with.gguf"), options)["codecDecoder"], true);
    const model_source source  = open_model(varied, source_options());
    const auto         tensors = codec_decoder_tensors(source.config.codec);
    const auto         without = open_own_gguf(folder.path("without.gguf"));
    const auto         with    = open_own_gguf(folder.path("with.gguf"));
    CHECK(tensors.size() > 30);
    CHECK_EQUAL(with.weights->tensors().size(), without.weights->tensors().size() + tensors.size());
    for (const canonical_tensor & tensor : tensors) {
        CHECK(same_bytes(with.weights->get(tensor.name, tensor.shape), *source.weights->find(tensor.name)));
        CHECK(without.weights->find(tensor.name) == nullptr);
        CHECK(stored_name(tensor.name).size() <= max_gguf_name);
        CHECK_EQUAL(canonical_name(stored_name(tensor.name)), tensor.name);
    }
    // The longest one of a published model.
    CHECK(stored_name("codec_model.decoder_transformer.layers.7.post_attention_layernorm.weight").size() <=
          max_gguf_name);
    CHECK_THROWS(conversion(fixtures + "layouts/original-f32", folder.path("none.gguf"), options),
                 KSTT_STATUS_MODEL_UNSUPPORTED,
                 "only the encoder");
    CHECK(!std::filesystem::exists(folder.path("none.gguf")));
    // From a GGUF that has it back to a folder.
    CHECK_EQUAL(convert(folder.path("with.gguf"), folder.path("back"), to_folder())["codecDecoder"], true);
    const auto back = checkpoint::open(folder.path("back"));
    for (const canonical_tensor & tensor : tensors) {
        CHECK(same_bytes(*back->find(tensor.name), *source.weights->find(tensor.name)));
    }
}

// Rows that were read are given back while the others of a tensor that had to be made are still to be read.
void test_release_of_rows() {
    constexpr int64_t   n_rows = 64;
    constexpr int64_t   row    = 1024;
    composed_checkpoint made("made", std::make_shared<stored_files>());
    made.add_made("a", element_type::f32, { n_rows, row }, {}, [](uint8_t * bytes) {
        auto * values = reinterpret_cast<float *>(bytes);
        for (int64_t i = 0; i < n_rows * row; ++i) {
            values[i] = static_cast<float>(i);
        }
    });
    made.seal();
    const tensor_view whole = *made.find("a");
    tensor_view       part  = whole;
    part.shape              = { n_rows / 2, row };
    part.n_bytes            = whole.n_bytes / 2;
    made.release(part);
    const auto * values = reinterpret_cast<const float *>(whole.data);
    for (int64_t i = n_rows / 2 * row; i < n_rows * row; ++i) {
        CHECK(values[i] == static_cast<float>(i));
    }
    made.release(whole);
    CHECK(reinterpret_cast<const float *>(made.find("a")->data)[7] == 7.0F);
}

}  // namespace

int main() {
    return check_run({ test_layouts,
                       test_shards,
                       test_left_out,
                       test_types,
                       test_folders,
                       test_codec_decoder,
                       test_release_of_rows });
}
