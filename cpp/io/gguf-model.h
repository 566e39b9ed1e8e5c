// Our own GGUF: one file with everything a model needs. docs/gguf.md describes it.
//
// Metadata: general.* as everywhere; kyutai_stt.format_version; the configuration under kyutai_stt.<key> with the
// names of config.json; kyutai_stt.tokenizer.{kind,name,bytes}; kyutai_stt.source.* for where it came from.
// Tensors: the canonical ones (model-source.h) under the names of gguf-names.h, with codebooks as
// "codebook.embed" (materialised entries) in place of sums and counts.
#pragma once

#include "io/gguf-writer.h"
#include "io/model-source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

// What this build writes. Readers refuse a higher number.
constexpr int32_t gguf_format_version = 1;

// Alignment of tensors in the file, and in memory once mapped: a cache line, and ggml's own (GGML_MEM_ALIGN) at most.
constexpr size_t gguf_alignment = 64;

// Where the weights came from; kept in the file, used by nothing.
struct source_record {
    std::string              name;    // of the checkpoint
    std::string              layout;  // model_source::layout
    std::vector<std::string> files;   // names without folders
    std::vector<uint64_t>    sizes;   // bytes of each
    std::vector<std::string> hashes;  // sha256 of each, empty where not known
};

// Describes a model that is about to be written.
void add_model_metadata(gguf_writer &          writer,
                        const model_config &   config,
                        const tokenizer_file & tokenizer,
                        const source_record &  record);

// True if the path names a file that begins as GGUF does and that says it is of our own kind. Throws what gguf_file
// throws.
bool is_own_gguf(const std::string & path);

// Opens a file of our own kind; layout "gguf". Throws kstt::error: what gguf_file throws, MODEL_FORMAT for a key that
// is missing or out of range (names file and key), MODEL_UNSUPPORTED for a newer format.
model_source open_own_gguf(const std::string & path);

}  // namespace kstt
