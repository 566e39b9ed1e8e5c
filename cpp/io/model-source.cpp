#include "io/model-source.h"

#include "io/gguf-model.h"
#include "io/mapped-file.h"
#include "io/original-config.h"
#include "io/original-layout.h"
#include "runtime/error.h"

#include <algorithm>
#include <utility>

namespace kstt {
namespace {

// A folder, and the file in it that was asked for, if one was.
struct model_path {
    std::string folder;
    std::string file;
};

model_path locate(const std::string & path) {
    if (!file_exists(path)) {
        require_folder(path);
        return { path, {} };
    }
    return { folder_of(path), file_name_of(path) };
}

// transformers' conversion leaves stt-1b-en_fr at the class default of 375 steps, though it was trained with 750. All
// its dimensions are asked for, so that no other model is taken for it.
int32_t trained_window(const decoder_config & config) {
    const bool is_converted_1b = config.sliding_window == 375 && config.num_hidden_layers == 16 &&
                                 config.hidden_size == 2048 && config.num_attention_heads == 16 &&
                                 config.num_key_value_heads == 16 && config.head_dim == 128 &&
                                 config.ffn_dim == 11264 && config.vocab_size == 8001 &&
                                 config.codebook_vocab_size == 2049 && config.num_codebooks == 32;
    return is_converted_1b ? 750 : config.sliding_window;
}

model_source open_transformers(const model_path & path, const source_options & options) {
    model_config config = read_model_config(path.folder);
    if (options.compat == compat_mode::trained) {
        config.decoder.sliding_window = trained_window(config.decoder);
    }
    tokenizer_file tokenizer =
        read_tokenizer_file(path_in_folder(path.folder, "tokenizer.json"), tokenizer_kind::tokenizer_json);
    std::shared_ptr<const checkpoint> weights = checkpoint::open(path.folder);
    std::vector<std::string>          files   = weights->files();
    const std::string                 asked   = path_in_folder(path.folder, path.file);
    if (!path.file.empty() && path.file != "model.safetensors.index.json" &&
        std::find(files.begin(), files.end(), asked) == files.end()) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    asked + ": is no part of the checkpoint beside it, which lies in " + printable(files.front()));
    }
    files.push_back(tokenizer.name);
    return { "transformers", std::move(files), config, std::move(tokenizer), std::move(weights), {} };
}

bool is_gguf(const model_path & path) {
    const std::string ending = ".gguf";
    return path.file.size() > ending.size() &&
           path.file.compare(path.file.size() - ending.size(), ending.size(), ending) == 0;
}

// A file of our own holds everything; any other layout has a config.json, which tells it.
model_source open_layout(const model_path & path, const source_options & options) {
    const std::string config     = path_in_folder(path.folder, "config.json");
    const bool        has_config = file_exists(config);
    if (is_gguf(path) && (!has_config || is_own_gguf(path_in_folder(path.folder, path.file)))) {
        return open_own_gguf(path_in_folder(path.folder, path.file));
    }
    if (!has_config) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND,
                    config + ": no such file; give the folder of a checkpoint, or its file of weights with config.json "
                             "beside it");
    }
    const json_value root = json_value::read(config, max_config_bytes);
    root.expect_object();
    return is_original_config(root) ? open_original(path.folder, root, path.file, options)
                                    : open_transformers(path, options);
}

// Fewer streams are read and searched than the checkpoint has.
void limit_codebooks(model_config & config, int32_t n) {
    if (n == 0) {
        return;
    }
    const int32_t least = config.codec.num_semantic_quantizers + 1;
    if (n < least || n > config.decoder.num_codebooks) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("%d codebooks were asked for; this checkpoint can be run with %d to %d",
                           n,
                           least,
                           config.decoder.num_codebooks));
    }
    config.decoder.num_codebooks = n;
    config.codec.num_quantizers  = n;
}

}  // namespace

model_source open_model(const std::string & path, const source_options & options) {
    model_source source = open_layout(locate(path), options);
    limit_codebooks(source.config, options.n_codebooks);
    return source;
}

}  // namespace kstt
