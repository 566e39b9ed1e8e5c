#include "io/gguf-model.h"

#include "io/config-json.h"
#include "io/config-reader.h"
#include "io/gguf-checkpoint.h"
#include "io/gguf-file.h"
#include "runtime/error.h"

#include <utility>

namespace kstt {
namespace {

constexpr const char * architecture = "kyutai_stt";
const std::string      prefix       = std::string(architecture) + ".";
constexpr const char * extractor    = "feature_extractor";
constexpr const char * generation   = "generation_config";  // JSON; younger than the format, so it may lack

// Goes with the two kinds of tokenizer_kind.
constexpr const char * json_kind          = "tokenizer_json";
constexpr const char * sentencepiece_kind = "sentencepiece";

// Writes every value below `object` under its dotted path.
void add_values(gguf_writer & writer, const std::string & path, const nlohmann::json & object) {
    for (const auto & item : object.items()) {
        const std::string      key   = path + item.key();
        const nlohmann::json & value = item.value();
        if (value.is_object()) {
            add_values(writer, key + ".", value);
        } else if (value.is_boolean()) {
            writer.add(key, value.get<bool>());
        } else if (value.is_number_integer()) {
            writer.add(key, value.get<int32_t>());
        } else if (value.is_number()) {
            writer.add(key, value.get<double>());
        } else if (value.is_string()) {
            writer.add(key, value.get<std::string>());
        } else {
            writer.add(key, value.get<std::vector<int32_t>>());
        }
    }
}

// Keys of the codec's decoder, younger than the format: files without them have the values that these keys had so far.
bool is_optional(const std::string & key) {
    return key == prefix + "codec_config.trim_right_ratio" || key == prefix + "codec_config.upsample_groups";
}

// The inverse: takes each value of `object` from the metadata. All others must be there, of the same kind.
void read_values(const gguf_metadata & metadata, const std::string & path, nlohmann::json & object) {
    for (auto & item : object.items()) {
        const std::string key   = path + item.key();
        nlohmann::json &  value = item.value();
        if (is_optional(key) && !metadata.contains(key)) {
            continue;
        }
        if (value.is_object()) {
            read_values(metadata, key + ".", value);
        } else if (value.is_boolean()) {
            value = metadata.boolean(key);
        } else if (value.is_number_integer()) {
            value = metadata.integer(key, INT32_MIN, INT32_MAX);
        } else if (value.is_number()) {
            value = metadata.number(key);
        } else if (value.is_string()) {
            value = metadata.string(key);
        } else {
            value = metadata.integers(key);
        }
    }
}

json_value as_document(const nlohmann::json & value, const std::string & path) {
    // A string that is no UTF-8 must not end in an exception of the JSON library; it fits no allowed value anyway.
    const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return json_value::parse(text.data(), text.size(), path + ": metadata " + architecture);
}

model_config read_config(const gguf_metadata & metadata) {
    nlohmann::json root = config_to_json(model_config());
    read_values(metadata, prefix, root);
    const json_value document = as_document(root, metadata.path());
    model_config     config   = parse_model_config(document, nullptr, document.at(extractor));

    if (metadata.contains(prefix + generation)) {
        const std::string text = metadata.string(prefix + generation);
        const json_value  stored =
            json_value::parse(text.data(), text.size(), metadata.path() + ": metadata " + prefix + generation);
        stored.expect_object();
        config.generation = read_generation_settings(&stored, document, config.decoder.vocab_size - 1);
    }

    decoder_config & decoder = config.decoder;
    const auto       integer = [&](const char * key, int32_t min, int32_t max) {
        return static_cast<int32_t>(metadata.integer(prefix + key, min, max));
    };
    decoder.output_vocab_size = integer("output_vocab_size", decoder.pad_token_id + 1, decoder.vocab_size);
    decoder.num_extra_heads   = integer("num_extra_heads", 0, 64);
    decoder.extra_head_dim    = integer("extra_head_dim", decoder.num_extra_heads > 0 ? 1 : 0, max_dimension);
    return config;
}

tokenizer_file read_tokenizer(const gguf_metadata & metadata) {
    const std::string kind_key = prefix + "tokenizer.kind";
    const std::string kind     = metadata.string(kind_key);
    tokenizer_file    tokenizer;
    if (kind == json_kind) {
        tokenizer.kind = tokenizer_kind::tokenizer_json;
    } else if (kind == sentencepiece_kind) {
        tokenizer.kind = tokenizer_kind::sentencepiece;
    } else {
        metadata.fail(kind_key, std::string("\"") + json_kind + "\" or \"" + sentencepiece_kind + "\"");
    }
    tokenizer.name  = metadata.path() + ": " + metadata.string(prefix + "tokenizer.name");
    tokenizer.bytes = metadata.bytes(prefix + "tokenizer.bytes");
    return tokenizer;
}

bool has_own_architecture(const gguf_metadata & metadata) {
    const char * const key = "general.architecture";
    return metadata.contains(key) && metadata.string(key) == architecture;
}

std::string file_name(const std::string & path) {
    return path.substr(path.find_last_of("/\\") + 1);
}

}  // namespace

void add_model_metadata(gguf_writer &          writer,
                        const model_config &   config,
                        const tokenizer_file & tokenizer,
                        const source_record &  record) {
    // Fewer streams than the table has is a choice of the run, not of the file.
    KSTT_CHECK(config.decoder.num_codebooks == config.decoder.table_codebooks);
    writer.add("general.architecture", architecture);
    writer.add("general.name", record.name);
    writer.add(prefix + "format_version", gguf_format_version);
    add_values(writer, prefix, config_to_json(config));
    if (!config.generation.json.empty()) {
        writer.add(prefix + generation, config.generation.json);
    }
    writer.add(prefix + "output_vocab_size", config.decoder.output_vocab_size);
    writer.add(prefix + "num_extra_heads", config.decoder.num_extra_heads);
    writer.add(prefix + "extra_head_dim", config.decoder.extra_head_dim);
    const bool is_json = tokenizer.kind == tokenizer_kind::tokenizer_json;
    writer.add(prefix + "tokenizer.kind", is_json ? json_kind : sentencepiece_kind);
    writer.add(prefix + "tokenizer.name", file_name(tokenizer.name));
    writer.add_bytes(prefix + "tokenizer.bytes", tokenizer.bytes);
    writer.add(prefix + "source.layout", record.layout);
    writer.add(prefix + "source.files", record.files);
    writer.add(prefix + "source.sizes", record.sizes);
    writer.add(prefix + "source.sha256", record.hashes);
}

bool is_own_gguf(const std::string & path) {
    return has_own_architecture(gguf_file(path).metadata());
}

model_source open_own_gguf(const std::string & path) {
    auto                  file     = std::make_unique<gguf_file>(path);
    const gguf_metadata & metadata = file->metadata();
    if (!has_own_architecture(metadata)) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    path + ": metadata general.architecture is not \"" + architecture +
                        "\"; give a file that kyutai-stt convert wrote");
    }
    const int64_t version = metadata.integer(prefix + "format_version", 1, INT32_MAX);
    if (version > gguf_format_version) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    format("%s: metadata %sformat_version is %lld, this build reads up to %d; use a newer release",
                           path.c_str(),
                           prefix.c_str(),
                           static_cast<long long>(version),
                           gguf_format_version));
    }
    model_source source;
    source.layout    = "gguf";
    source.files     = { path };
    source.config    = read_config(metadata);
    source.tokenizer = read_tokenizer(metadata);
    source.weights   = open_gguf_checkpoint(std::move(file));
    return source;
}

}  // namespace kstt
