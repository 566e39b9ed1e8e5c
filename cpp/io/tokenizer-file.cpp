#include "io/tokenizer-file.h"

#include "io/mapped-file.h"
#include "runtime/error.h"

namespace kstt {
namespace {

// The published vocabularies have 4000 and 8000 pieces, their files below 1 MB.
constexpr size_t max_tokenizer_bytes = size_t{ 64 } << 20U;

}  // namespace

tokenizer_file read_tokenizer_file(const std::string & path, tokenizer_kind kind) {
    if (!file_exists(path)) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND,
                    path + ": no such file; it comes with the checkpoint and holds the vocabulary");
    }
    const mapped_file file(path);
    if (file.size() > max_tokenizer_bytes) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: %zu bytes, but at most %zu are expected of this file",
                           path.c_str(),
                           file.size(),
                           max_tokenizer_bytes));
    }
    return { kind, path, std::string(reinterpret_cast<const char *>(file.data()), file.size()) };
}

}  // namespace kstt
