#include "io/tokenizer-source.h"

#include "io/mapped-file.h"
#include "io/model-source.h"
#include "runtime/error.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace kstt {
namespace {

namespace fs = std::filesystem;

// Names of the .model files in a folder, in order.
std::vector<std::string> model_names(const std::string & folder) {
    std::vector<std::string> names;
    for (const std::string & name : names_in_folder(folder)) {
        if (fs::u8path(name).extension() == ".model") {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

tokenizer_file find_in_folder(const std::string & folder) {
    const std::string json = path_in_folder(folder, "tokenizer.json");
    if (file_exists(json)) {
        return read_tokenizer_file(json, tokenizer_kind::tokenizer_json);
    }
    const std::vector<std::string> names = model_names(folder);
    if (names.empty()) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND,
                    folder +
                        ": no vocabulary; tokenizer.json or a SentencePiece .model file comes with the checkpoint");
    }
    if (names.size() > 1) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    folder + ": more than one vocabulary, " + names[0] + " and " + names[1] +
                        " among them; give the path of the right one");
    }
    return read_tokenizer_file(path_in_folder(folder, names[0]), tokenizer_kind::sentencepiece);
}

}  // namespace

tokenizer_file find_tokenizer(const std::string & path) {
    if (!file_exists(path)) {
        require_folder(path);
        return find_in_folder(path);
    }
    const std::string extension = fs::u8path(path).extension().u8string();
    if (extension == ".json") {
        return read_tokenizer_file(path, tokenizer_kind::tokenizer_json);
    }
    if (extension == ".model") {
        return read_tokenizer_file(path, tokenizer_kind::sentencepiece);
    }
    if (extension == ".gguf") {
        return open_model(path, source_options()).tokenizer;
    }
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                path + ": is no vocabulary; tokenizer.json, SentencePiece .model and .gguf files can be read");
}

}  // namespace kstt
