// The files of a conversion before the first byte is written: names, sizes, what stands in front of the tensors.
#pragma once

#include "convert/conversion-plan.h"
#include "io/model-source.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct target_file {
    std::string path;
    std::string head;           // before the tensors
    size_t      n_tensors = 0;  // of the plan, from where the file before it ended
    size_t      alignment = 1;  // what each tensor is padded to
    uint64_t    n_bytes   = 0;
};

// One file of our own kind.
std::vector<target_file> lay_out_gguf(const model_source &       source,
                                      const std::string &        source_path,
                                      const std::string &        target,
                                      const conversion_plan &    plan,
                                      const conversion_options & options);

// Weights of the transformers layout in `folder`: model.safetensors, or shards and, last, their index. A shard holds
// tensors up to max_shard_bytes, or a single one that is larger. Tensors are put in order: within a file the wide types
// come first, so that all are aligned.
std::vector<target_file> lay_out_safetensors(const std::string & folder,
                                             uint64_t            max_shard_bytes,
                                             conversion_plan &   plan);

}  // namespace kstt
