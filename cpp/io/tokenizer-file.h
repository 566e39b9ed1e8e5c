// A checkpoint's vocabulary as it was found: the bytes of a file or of a part of one.
#pragma once

#include <string>

namespace kstt {

enum class tokenizer_kind { tokenizer_json, sentencepiece };

struct tokenizer_file {
    tokenizer_kind kind = tokenizer_kind::tokenizer_json;
    std::string    name;  // names it in errors: a path, or the file and key it came from
    std::string    bytes;
};

// Reads a file. Throws FILE_NOT_FOUND, FILE_ACCESS, OUT_OF_MEMORY, and MODEL_FORMAT for one larger than any vocabulary.
tokenizer_file read_tokenizer_file(const std::string & path, tokenizer_kind kind);

}  // namespace kstt
