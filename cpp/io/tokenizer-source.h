// Where a vocabulary is found when nothing else of a checkpoint is needed.
#pragma once

#include "io/tokenizer-file.h"

#include <string>

namespace kstt {

// `path`: a .json, .model or .gguf file, or a folder with tokenizer.json or, without it, exactly one .model file.
// Throws FILE_NOT_FOUND, FILE_ACCESS, OUT_OF_MEMORY, MODEL_FORMAT, MODEL_UNSUPPORTED (a file of another kind).
tokenizer_file find_tokenizer(const std::string & path);

}  // namespace kstt
