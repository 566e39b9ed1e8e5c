#include "io/model-source.h"

#include "io/gguf-model.h"
#include "io/mapped-file.h"
#include "runtime/error.h"

namespace kstt {
namespace {

model_source open_transformers(const std::string & folder) {
    model_source source;
    source.layout    = "transformers";
    source.config    = read_model_config(folder);
    source.tokenizer = read_tokenizer_file(path_in_folder(folder, "tokenizer.json"), tokenizer_kind::tokenizer_json);
    source.weights   = checkpoint::open(folder);
    return source;
}

bool is_gguf_path(const std::string & path) {
    const std::string ending = ".gguf";
    return path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0 &&
           file_exists(path);
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
    model_source source = is_gguf_path(path) ? open_own_gguf(path) : open_transformers(path);
    limit_codebooks(source.config, options.n_codebooks);
    return source;
}

}  // namespace kstt
