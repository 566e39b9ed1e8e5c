// The tensors of our own GGUF as a checkpoint: canonical names, everything a view into the mapping.
#pragma once

#include "io/checkpoint.h"
#include "io/gguf-file.h"

#include <memory>

namespace kstt {

// Beyond what checkpoint::get says, tensors in ggml's block formats are handed out too: weights of matrix products and
// the embedding table may be in one.
std::unique_ptr<checkpoint> open_gguf_checkpoint(std::unique_ptr<gguf_file> file);

}  // namespace kstt
