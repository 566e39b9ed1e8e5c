// The text parts of checkpoints in the transformers layout: a safetensors file's header, and the index of several.
#pragma once

#include "io/checkpoint.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kstt {

struct safetensors_entry {
    std::string          name;
    element_type         type;
    std::vector<int64_t> shape;  // slowest axis first
};

// Everything before the tensors' bytes, which follow in this order without holes. Types are those of the format: no
// block formats.
std::string safetensors_header(const std::vector<safetensors_entry> & tensors);

// The format's name of a type ("BF16"); throws INTERNAL for one it lacks.
const char * safetensors_type(element_type type);

// Content of model.safetensors.index.json: the file of each tensor.
std::string safetensors_index(const std::map<std::string, std::string> & files, uint64_t n_bytes, uint64_t n_values);

}  // namespace kstt
