#include "io/original-layout.h"

#include "io/mapped-file.h"
#include "io/original-config.h"
#include "io/original-tensors.h"
#include "runtime/error.h"

#include <memory>
#include <utility>
#include <vector>

namespace kstt {
namespace {

// Names in the published repositories, for where config.json does not say. The first is moshi's default.
const std::vector<std::string> decoder_names    = { "model.safetensors", "model.gguf" };
const std::vector<std::string> codec_names      = { "tokenizer-e351c8d8-checkpoint125.safetensors",
                                                    "mimi-pytorch-e351c8d8@125.safetensors",
                                                    "mimi-e351c8d8-125.gguf" };
const std::vector<std::string> vocabulary_names = { "tokenizer_spm_32k_3.model",
                                                    "tokenizer_en_fr_audio_8000.model",
                                                    "tokenizer_en_audio_4000.model",
                                                    "tokenizer_spm_8k_en_fr.model",
                                                    "tokenizer.json" };

bool starts_with(const std::string & text, const std::string & beginning) {
    return text.compare(0, beginning.size(), beginning) == 0;
}

bool ends_with(const std::string & text, const std::string & ending) {
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// The path of a file that config.json names under `key`, or else of the first usual name that is there.
std::string find_file(const std::string &              folder,
                      const json_value &               config,
                      const char *                     key,
                      std::string                      name,
                      const std::vector<std::string> & usual) {
    std::string origin;
    if (starts_with(name, "hf://")) {
        // "hf://owner/repository/path": fetched into the same folder under its own name.
        origin = name.substr(5, name.find('/', name.find('/', 5) + 1) - 5);
        name   = name.substr(name.rfind('/') + 1);
    }
    if (!name.empty() && !is_plain_file_name(name)) {
        config.at(key).fail("the name of a file beside config.json");
    }
    const std::vector<std::string> candidates = name.empty() ? usual : std::vector<std::string>{ name };
    for (const std::string & candidate : candidates) {
        if (file_exists(path_in_folder(folder, candidate))) {
            return path_in_folder(folder, candidate);
        }
    }
    const std::string asked =
        config.source() + (name.empty() ? std::string(" says no ") + key : std::string(": ") + key + " names it");
    const std::string remedy =
        origin.empty() ? "fetch all files of the checkpoint" : "fetch it from " + origin + " and put it there";
    throw error(KSTT_STATUS_FILE_NOT_FOUND,
                path_in_folder(folder, candidates.front()) + ": no such file, but " + asked + "; " + remedy);
}

std::string layout_name(const std::string & decoder_path, const stored_files & files, const decoder_config & config) {
    if (ends_with(decoder_path, ".gguf")) {
        return "moshi.cpp";
    }
    if (files.find("audio_embs.0.weight") != nullptr) {
        return "mlx";
    }
    return config.num_extra_heads > 0 ? "candle" : "original";
}

tokenizer_file read_vocabulary(const std::string & path) {
    return read_tokenizer_file(
        path, ends_with(path, ".json") ? tokenizer_kind::tokenizer_json : tokenizer_kind::sentencepiece);
}

}  // namespace

model_source open_original(const std::string &    folder,
                           const json_value &     config,
                           const std::string &    weights,
                           const source_options & options) {
    const original_config original     = read_original_config(config);
    const std::string     decoder_path = weights.empty()
                                             ? find_file(folder, config, "moshi_name", original.moshi_name, decoder_names)
                                             : path_in_folder(folder, weights);
    const std::string     codec_path   = find_file(folder, config, "mimi_name", original.mimi_name, codec_names);
    const std::string     vocabulary =
        find_file(folder, config, "tokenizer_name", original.tokenizer_name, vocabulary_names);
    std::vector<json_value> mimi;  // one or none
    if (!original.mimi_config_name.empty()) {
        mimi.push_back(json_value::read(find_file(folder, config, "mimi_config_name", original.mimi_config_name, {}),
                                        max_config_bytes));
    }
    const auto files = std::make_shared<stored_files>();
    files->add(decoder_path);
    files->add(codec_path);
    const auto prefix = [](const std::string & path, const char * name) {
        return ends_with(path, ".gguf") ? name : "";
    };
    const original_tensors decoder(files, decoder_path, prefix(decoder_path, "lm."));
    const original_tensors codec(files, codec_path, prefix(codec_path, "mimi."));

    const bool   as_converted = options.compat == compat_mode::transformers;
    model_config translated   = translate_config(
        config, original, mimi.empty() ? nullptr : mimi.data(), find_ffn_dim(decoder, original), as_converted);
    auto composed = std::make_unique<composed_checkpoint>(folder, files);
    add_decoder_tensors(*composed, decoder, original, as_converted, translated.decoder);
    add_codec_tensors(*composed, codec, translated.codec);
    composed->seal();

    std::vector<std::string> paths = files->paths();
    paths.push_back(vocabulary);
    const std::string layout = layout_name(decoder_path, *files, translated.decoder);
    model_source      source = {
        layout, std::move(paths), translated, read_vocabulary(vocabulary), std::move(composed), {}
    };
    source.open_codec_decoder = [folder, files, codec, shape = translated.codec] {
        auto half = std::make_shared<composed_checkpoint>(folder, files);
        add_codec_decoder_tensors(*half, codec, shape);
        half->seal();
        return half;
    };
    return source;
}

}  // namespace kstt
