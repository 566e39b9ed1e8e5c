// Tensor names in the GGUF files of moshi.cpp (spec 2.7): "lm." or "mimi." and the original name; one of 64 characters
// or more, which ggml could not hold, is replaced by eight letters made of its checksum.
#pragma once

#include "io/stored-files.h"

#include <string>

namespace kstt {

// The tensor that stands for a long name, or nullptr. Names below 64 characters are not replaced.
const tensor_view * find_hashed(const stored_files & files, const std::string & name);

}  // namespace kstt
