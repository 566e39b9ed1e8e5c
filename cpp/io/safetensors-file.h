// One safetensors file, mapped, with every claim of its header checked before a tensor is handed out.
// Format: 8 bytes header length (little endian), a JSON header, then the tensors' bytes without holes or overlaps.
#pragma once

#include "io/checkpoint.h"
#include "io/mapped-file.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class safetensors_file {
  public:
    // Throws kstt::error: FILE_NOT_FOUND, FILE_ACCESS, OUT_OF_MEMORY, MODEL_FORMAT (a header that is truncated, too
    // long, not JSON, or at odds with itself or the file: names file and tensor), MODEL_UNSUPPORTED (a type of the
    // format that element_type lacks).
    explicit safetensors_file(const std::string & path);

    // In the order of their bytes. Views into the mapping, not aligned to anything.
    const std::vector<tensor_view> & tensors() const { return tensors_; }
    const mapped_file &              file() const { return file_; }

  private:
    mapped_file              file_;
    std::vector<tensor_view> tensors_;
};

}  // namespace kstt
