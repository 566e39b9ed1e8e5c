// One GGUF file (version 2 or 3, little endian), mapped, with every claim of its header checked before a tensor is
// handed out. ggml's own reader is not used: it aborts on some damaged files.
// Format: magic, version, counts, metadata, tensor infos, padding to the alignment, then the tensors' bytes.
#pragma once

#include "io/checkpoint.h"
#include "io/gguf-metadata.h"
#include "io/mapped-file.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class gguf_file {
  public:
    // Throws kstt::error: FILE_NOT_FOUND, FILE_ACCESS, OUT_OF_MEMORY, MODEL_FORMAT (not GGUF, truncated, at odds with
    // itself: names file and key or tensor), MODEL_UNSUPPORTED (another version or byte order, a tensor type that
    // element_type lacks).
    explicit gguf_file(const std::string & path);

    uint32_t              version() const { return version_; }
    size_t                alignment() const { return alignment_; }  // of all tensors, in bytes
    const gguf_metadata & metadata() const { return metadata_; }
    const mapped_file &   file() const { return file_; }

    // In the order of the file. Shapes slowest axis first, the reverse of the file's. Views into the mapping.
    const std::vector<tensor_view> & tensors() const { return tensors_; }

  private:
    void read_tensors(gguf_cursor & cursor, uint64_t n);

    mapped_file              file_;
    uint32_t                 version_   = 0;
    size_t                   alignment_ = 0;
    gguf_metadata            metadata_;
    std::vector<tensor_view> tensors_;
};

// The format's number of a type, and back; throws INTERNAL for a type it lacks (u8, bool).
uint32_t gguf_tensor_type(element_type type);

}  // namespace kstt
