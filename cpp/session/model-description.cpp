#include "session/model-description.h"

#include "io/config-json.h"

#include <nlohmann/json.hpp>

namespace kstt {

namespace {

using json = nlohmann::ordered_json;

bool is_codec(const tensor_view & tensor) {
    return tensor.name.compare(0, 12, "codec_model.") == 0;
}

// Tensors that files carry and nothing here reads (spec 2.6).
bool is_unused(const tensor_view & tensor) {
    for (const char * part : { "codec_model.decoder.",
                               "codec_model.decoder_transformer.",
                               "codec_model.upsample.",
                               "output_proj.",
                               ".initialized" }) {
        if (tensor.name.find(part) != std::string::npos) {
            return true;
        }
    }
    return false;
}

// Tensors, parameters and bytes of one half of the model, by type.
class tally {
  public:
    void add(const tensor_view & tensor) {
        json & entry = dtypes_[element_type_name(tensor.type)];
        if (entry.is_null()) {
            entry = { { "tensors", 0 }, { "parameters", int64_t{ 0 } }, { "bytes", int64_t{ 0 } } };
        }
        const auto n_bytes  = static_cast<int64_t>(tensor.n_bytes);
        entry["tensors"]    = entry["tensors"].get<int64_t>() + 1;
        entry["parameters"] = entry["parameters"].get<int64_t>() + tensor.n_elements();
        entry["bytes"]      = entry["bytes"].get<int64_t>() + n_bytes;
        parameters_ += tensor.n_elements();
        bytes_ += n_bytes;
    }

    int64_t parameters() const { return parameters_; }

    int64_t bytes() const { return bytes_; }

    json to_json() const { return { { "parameters", parameters_ }, { "bytes", bytes_ }, { "dtypes", dtypes_ } }; }

  private:
    int64_t parameters_ = 0;
    int64_t bytes_      = 0;
    json    dtypes_     = json::object();
};

}  // namespace

std::string describe_model(const std::string & path, const source_options & options) {
    const model_source source = open_model(path, options);
    tally              decoder;
    tally              codec;
    for (const tensor_view & tensor : source.weights->tensors()) {
        if (!is_unused(tensor)) {
            (is_codec(tensor) ? codec : decoder).add(tensor);
        }
    }
    const decoder_config & config   = source.config.decoder;
    // As saved by transformers: the extractor's settings and the ids that steer generate() in files of their own.
    nlohmann::json         root     = config_to_json(source.config);
    const nlohmann::json   features = root["feature_extractor"];
    root.erase("feature_extractor");
    json text;
    text["layout"]  = source.layout;
    text["files"]   = source.files;
    text["config"]  = json(root);
    json generation = json::object();
    if (!source.config.generation.json.empty()) {
        generation = json::parse(source.config.generation.json);
    }
    generation["bos_token_id"]  = config.bos_token_id;
    generation["pad_token_id"]  = config.pad_token_id;
    text["generation_config"]   = generation;
    text["preprocessor_config"] = json(features);
    text["tokenizer"]           = {
        { "kind", source.tokenizer.kind == tokenizer_kind::sentencepiece ? "sentencepiece" : "tokenizer_json" },
        { "file", source.tokenizer.name }
    };
    text["n_codebooks"]       = config.num_codebooks;
    text["output_vocab_size"] = config.output_vocab_size;
    text["extra_heads"]       = { { "count", config.num_extra_heads }, { "classes", config.extra_head_dim } };
    text["parameters"]        = decoder.parameters() + codec.parameters();
    text["bytes"]             = decoder.bytes() + codec.bytes();
    text["decoder"]           = decoder.to_json();
    text["codec"]             = codec.to_json();
    // Names come from files: bytes that are no UTF-8 are replaced.
    return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kstt
