#include "io/model-source.h"

#include "io/mapped-file.h"

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

}  // namespace

model_source open_model(const std::string & path, const source_options & /*options*/) {
    return open_transformers(path);
}

}  // namespace kstt
