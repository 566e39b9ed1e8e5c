// Damaged and incomplete checkpoints in Kyutai's own layouts: each is refused with a status and words that name the
// file, the key or the tensor.
#include "check.h"
#include "gguf-bytes.h"
#include "io/model-source.h"
#include "io/safetensors-file.h"
#include "safetensors-bytes.h"
#include "temp-folder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using kstt::open_model;
using nlohmann::json;

const std::string  layouts    = std::string(KSTT_SOURCE_DIR) + "/test/fixtures/layouts/";
const char * const codec_file = "mimi-pytorch-e351c8d8@125.safetensors";

const kstt_status bad         = KSTT_STATUS_MODEL_FORMAT;
const kstt_status unsupported = KSTT_STATUS_MODEL_UNSUPPORTED;
const kstt_status absent      = KSTT_STATUS_FILE_NOT_FOUND;

std::string read_file(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    return { std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>() };
}

// A copy of a fixture to be damaged.
class copied_layout {
  public:
    explicit copied_layout(const std::string & name) {
        for (const auto & entry : std::filesystem::directory_iterator(layouts + name)) {
            std::filesystem::copy(entry.path(), folder.path(entry.path().filename().string()));
        }
    }

    void edit_json(const std::string & name, const std::function<void(json &)> & edit) const {
        json value = json::parse(read_file(folder.path(name)));
        edit(value);
        folder.write(name, value.dump());
    }

    // Writes a safetensors file anew with its tensors changed.
    void edit_tensors(const std::string & name, const std::function<void(std::vector<stored_tensor> &)> & edit) const {
        std::vector<stored_tensor> tensors;
        const std::string          path = folder.path(name);
        {
            const kstt::safetensors_file file(path);
            for (const kstt::tensor_view & tensor : file.tensors()) {
                tensors.push_back({ tensor.name,
                                    dtype_of(tensor.type),
                                    tensor.shape,
                                    std::string(reinterpret_cast<const char *>(tensor.data), tensor.n_bytes) });
            }
        }
        edit(tensors);
        folder.write(name, safetensors_bytes(tensors));
    }

    // Overwrites bytes of a file, `behind` bytes after the end of the first `text` in it (negative: in `text` itself).
    void overwrite(const std::string & name,
                   const std::string & text,
                   int64_t             behind,
                   const std::string & bytes) const {
        std::string  whole = read_file(folder.path(name));
        const size_t found = whole.find(text);
        CHECK(found != std::string::npos);
        whole.replace(static_cast<size_t>(static_cast<int64_t>(found + text.size()) + behind), bytes.size(), bytes);
        folder.write(name, whole);
    }

    template <typename... Words>
    void throws(kstt_status status, const Words &... words) const {
        CHECK_THROWS(open_model(folder.path(), {}), status, words...);
    }

    temp_folder folder;

  private:
    static std::string dtype_of(kstt::element_type type) {
        switch (type) {
        case kstt::element_type::f32:
            return "F32";
        case kstt::element_type::bf16:
            return "BF16";
        case kstt::element_type::u32:
            return "U32";
        default:
            return "F16";
        }
    }
};

stored_tensor & tensor_of(std::vector<stored_tensor> & tensors, const std::string & name) {
    for (stored_tensor & tensor : tensors) {
        if (tensor.name == name) {
            return tensor;
        }
    }
    throw std::runtime_error("no tensor " + name);
}

void remove_tensor(std::vector<stored_tensor> & tensors, const std::string & name) {
    tensors.erase(tensors.begin() + (&tensor_of(tensors, name) - tensors.data()));
}

void test_config_keys() {
    for (const char * key :
         { "dim", "num_layers", "num_heads", "context", "max_period", "n_q", "card", "text_card", "stt_config" }) {
        const copied_layout one("original-f32");
        one.edit_json("config.json", [&](json & config) { config.erase(key); });
        one.throws(bad, "config.json", key, "missing");
    }
    const auto with = [](const char * key, const json & value, kstt_status status) {
        const copied_layout one("original-f32");
        one.edit_json("config.json", [&](json & config) { config[key] = value; });
        one.throws(status, "config.json", key);
    };
    with("dim", "48", bad);
    with("dim", 47, bad);
    with("num_layers", 0, bad);
    with("num_heads", 5, bad);
    with("n_q", 9, bad);  // more than the codec's
    with("max_period", -1, bad);
    with("existing_text_padding_id", 400, bad);
    with("mimi_name", "../mimi.safetensors", bad);
    with("mimi_name", "absent.safetensors", absent);
    with("dep_q", 8, unsupported);
    with("model_type", "moshi", unsupported);
    with("causal", false, unsupported);
    with("gating", "gelu", unsupported);
    with("norm", "layer_norm", unsupported);
    with("positional_embedding", "sin", unsupported);
    with("delays", { 0, 1 }, unsupported);
    with("cross_attention", true, unsupported);
    with("conditioners", { { "speaker", 1 } }, unsupported);
    with("layer_scale", 0.1, unsupported);
    const copied_layout headless("original-f32");
    headless.edit_json("config.json", [](json & config) { config["extra_heads_num_heads"] = 4; });
    headless.throws(bad, "extra_heads.0.weight", "missing");
}

void test_missing_files() {
    for (const char * name : { "model.safetensors", codec_file, "tokenizer_small.model", "mimi.json" }) {
        const copied_layout one("original-f32");
        one.folder.remove(name);
        one.throws(absent, name, "config.json");
    }
    const copied_layout one("original-f32");
    one.folder.remove("config.json");
    one.throws(absent, "config.json");
    CHECK_THROWS(open_model(one.folder.path("absent.safetensors"), {}), absent, "absent");
    // A name on the Hub says where to fetch the file from.
    const copied_layout other("original-f32");
    other.edit_json("config.json", [](json & config) { config["mimi_name"] = "hf://kyutai/codec/mimi-x.safetensors"; });
    other.throws(absent, "mimi-x.safetensors", "kyutai/codec");
    CHECK_EQUAL(open_model(layouts + "moshi.cpp-f32", {}).layout, "moshi.cpp");
}

// Missing, of another shape, and of another type: the decoder's and the codec's tensors, by the names in the files.
void test_tensors() {
    const auto damage = [](const char * layout, const char * file, const char * name, const char * prefix) {
        const copied_layout missing(layout);
        missing.edit_tensors(file, [&](auto & tensors) { remove_tensor(tensors, name); });
        missing.throws(bad, file, name, "missing");
        const copied_layout reshaped(layout);
        reshaped.edit_tensors(file, [&](auto & tensors) {
            stored_tensor & tensor = tensor_of(tensors, name);
            tensor.shape.back() *= 2;
            tensor.bytes += tensor.bytes;
        });
        reshaped.throws(bad, file, name, prefix);
        const copied_layout retyped(layout);
        retyped.edit_tensors(file, [&](auto & tensors) {
            stored_tensor & tensor = tensor_of(tensors, name);
            tensor.dtype           = tensor.bytes.size() % 4 == 0 && tensor.dtype == "F32" ? "I32" : "I16";
        });
        retyped.throws(bad, file, name, "expected type");
    };
    const char * model = "model.safetensors";
    for (const char * name : { "text_emb.weight",
                               "emb.7.weight",
                               "transformer.layers.2.self_attn.in_proj_weight",
                               "transformer.layers.0.self_attn.out_proj.weight",
                               "transformer.layers.1.norm1.alpha",
                               "transformer.layers.1.gating.linear_in.weight",
                               "transformer.layers.1.gating.linear_out.weight",
                               "out_norm.alpha",
                               "text_linear.weight" }) {
        damage("original-f32", model, name, "expected shape");
    }
    damage("candle-f32", model, "extra_heads.2.weight", "expected shape");
    for (const char * name : { "encoder.model.0.conv.conv.weight",
                               "encoder.model.4.block.3.conv.conv.bias",
                               "encoder_transformer.transformer.layers.1.self_attn.in_proj_weight",
                               "encoder_transformer.transformer.layers.0.layer_scale_1.scale",
                               "downsample.conv.conv.conv.weight",
                               "quantizer.rvq_rest.input_proj.weight",
                               "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum",
                               "quantizer.rvq_rest.vq.layers.6._codebook.cluster_usage" }) {
        damage("original-f32", codec_file, name, "expected shape");
    }
}

// The same under MLX's names, and in the GGUF files of moshi.cpp, whose names have a prefix.
void test_tensors_of_other_layouts() {
    const auto missing = [](const char * layout, const char * file, const char * name, const char * word) {
        const copied_layout one(layout);
        one.edit_tensors(file, [&](auto & tensors) { remove_tensor(tensors, name); });
        one.throws(bad, file, word, "missing");
    };
    missing("mlx-bf16", "model.safetensors", "audio_embs.3.weight", "emb.3.weight");
    missing("mlx-bf16", "model.safetensors", "transformer.layers.1.norm2.weight", "transformer.layers.1.norm2");
    missing("mlx-bf16", codec_file, "encoder.model.3.conv.conv.bias", "encoder.model.3.conv.conv.bias");
    missing("mlx-q4", "model.q4.safetensors", "text_linear.weight", "text_linear.weight");
    missing("candle-f32", "model.safetensors", "emb.0.weight", "emb.0.weight");
    for (const auto & [file, name] : std::initializer_list<std::pair<const char *, const char *>>{
             { "model.gguf", "text_linear.weight" },
             { "model.gguf", "extra_heads.1.weight" },
             { "mimi-e351c8d8-125.gguf", "downsample.conv.conv.conv.weight" } }) {
        const copied_layout renamed("moshi.cpp-f32");
        renamed.overwrite(file, name, -1, "x");
        renamed.throws(bad, file, name, "missing");
        // Behind a name: the number of axes, the axes, fastest first, and the type.
        const copied_layout reshaped("moshi.cpp-f32");
        reshaped.overwrite(file, name, 4, le_bytes<uint64_t>(1));
        reshaped.throws(bad, file, name, "expected shape");
    }
}

void test_packed_tensors() {
    const char * file   = "model.q8.safetensors";
    const auto   edited = [&](const std::function<void(std::vector<stored_tensor> &)> & edit, const char * words) {
        const copied_layout one("mlx-q8");
        one.edit_tensors(file, edit);
        one.throws(bad, file, words);
    };
    edited([](auto & tensors) { remove_tensor(tensors, "text_emb.biases"); }, "text_emb.biases");
    edited([](auto & tensors) { remove_tensor(tensors, "text_emb.scales"); }, "text_emb.weight");
    edited([](auto & tensors) { tensor_of(tensors, "text_emb.scales").dtype = "I16"; }, "text_emb.scales");
    edited(
        [](auto & tensors) {
            stored_tensor & scales = tensor_of(tensors, "text_emb.scales");
            scales.shape           = { scales.shape[1], scales.shape[0] };
        },
        "text_emb.weight");
    const copied_layout three("mlx-q8");
    three.edit_tensors(file, [](auto & tensors) {
        stored_tensor & words = tensor_of(tensors, "text_emb.weight");
        words.shape.back() *= 2;
        words.bytes += words.bytes;
    });
    three.throws(unsupported, "text_emb.weight", "16 bits");
}

void test_truncated() {
    for (const char * layout : { "original-f32", "candle-f32", "mlx-bf16", "mlx-q8", "mlx-q4", "moshi.cpp-f32" }) {
        for (const auto & entry : std::filesystem::directory_iterator(layouts + layout)) {
            const std::string name = entry.path().filename().string();
            if (name.find(".safetensors") == std::string::npos && name.find(".gguf") == std::string::npos) {
                continue;
            }
            const std::string whole = read_file(entry.path().string());
            for (const size_t n : { size_t{ 0 }, size_t{ 7 }, size_t{ 200 }, whole.size() / 2, whole.size() - 1 }) {
                const copied_layout one(layout);
                one.folder.write(name, whole.substr(0, n));
                one.throws(bad, name);
            }
        }
    }
    const copied_layout one("original-f32");
    one.folder.write("config.json", "{\"card\": 64, \"n_q\"");
    one.throws(bad, "config.json", "not valid JSON");
    one.folder.write("config.json", "[]");
    one.throws(bad, "config.json", "an object");
}

// Old and re-saved spellings that are the same model.
void test_aliases() {
    const copied_layout one("original-f32");
    const auto          rename = [](std::vector<stored_tensor> & tensors, const char * from, const char * to) {
        tensor_of(tensors, from).name = to;
    };
    one.edit_tensors("model.safetensors", [&](auto & tensors) {
        rename(tensors,
               "transformer.layers.0.self_attn.in_proj_weight",
               "transformer.layers.0.self_attn.in_projs.0.weight");
        rename(tensors,
               "transformer.layers.0.self_attn.out_proj.weight",
               "transformer.layers.0.self_attn.out_projs.0.weight");
        rename(
            tensors, "transformer.layers.1.self_attn.in_proj_weight", "transformer.layers.1.self_attn.in_proj.weight");
        tensor_of(tensors, "out_norm.alpha").shape = { 48 };
    });
    one.edit_tensors(codec_file, [&](auto & tensors) {
        rename(tensors,
               "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum",
               "quantizer.rvq_first.vq.layers.0._codebook.embed_avg");
        rename(tensors,
               "quantizer.rvq_rest.vq.layers.3._codebook.cluster_usage",
               "quantizer.rvq_rest.vq.layers.3._codebook.cluster_size");
        // A weight as training keeps it: direction and length.
        stored_tensor &    weight = tensor_of(tensors, "encoder.model.0.conv.conv.weight");
        std::vector<float> values(weight.bytes.size() / sizeof(float));
        std::memcpy(values.data(), weight.bytes.data(), weight.bytes.size());
        const size_t       n_out = static_cast<size_t>(weight.shape[0]);
        const size_t       n_in  = values.size() / n_out;
        std::vector<float> lengths(n_out);
        for (size_t o = 0; o < n_out; ++o) {
            double sum = 0.0;
            for (size_t i = 0; i < n_in; ++i) {
                sum += static_cast<double>(values[o * n_in + i]) * static_cast<double>(values[o * n_in + i]);
                values[o * n_in + i] *= 3.0F;
            }
            lengths[o] = static_cast<float>(std::sqrt(sum));
        }
        weight.name = "encoder.model.0.conv.conv.weight_v";
        weight.bytes.assign(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
        tensors.push_back({ "encoder.model.0.conv.conv.weight_g",
                            "F32",
                            { weight.shape[0], 1, 1 },
                            std::string(reinterpret_cast<const char *>(lengths.data()), n_out * sizeof(float)) });
    });
    const kstt::model_source plain   = open_model(layouts + "original-f32", {});
    const kstt::model_source renamed = open_model(one.folder.path(), {});
    for (const kstt::tensor_view & listed : plain.weights->tensors()) {
        const kstt::tensor_view & expected = *plain.weights->find(listed.name);
        const kstt::tensor_view * found    = renamed.weights->find(listed.name);
        CHECK(found != nullptr);
        std::vector<float> a(static_cast<size_t>(expected.n_elements()));
        std::vector<float> b(a.size());
        kstt::convert_to_f32(expected, a.data());
        kstt::convert_to_f32(*found, b.data());
        float farthest = 0.0F;
        for (size_t i = 0; i < a.size(); ++i) {
            farthest = std::max(farthest, std::abs(a[i] - b[i]));
        }
        check_result(farthest < 1e-6F, __FILE__, __LINE__, listed.name + " differs");
    }
}

}  // namespace

int main() {
    return check_run({ test_config_keys,
                       test_missing_files,
                       test_tensors,
                       test_tensors_of_other_layouts,
                       test_packed_tensors,
                       test_truncated,
                       test_aliases });
}
