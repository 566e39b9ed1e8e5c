// Lays out a GGUF file (version 3): metadata first, then the tensors' places. The bytes of the tensors are not its
// business: whoever writes them follows offset() and total_bytes().
#pragma once

#include "io/checkpoint.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

// ggml keeps a name and its NUL in 64 bytes (GGML_MAX_NAME), and other readers refuse longer ones.
constexpr size_t max_gguf_name = 63;

class gguf_writer {
  public:
    // `alignment` of the tensors in the file: a power of two.
    explicit gguf_writer(size_t alignment);

    void add(const std::string & key, bool value);
    void add(const std::string & key, int32_t value);
    void add(const std::string & key, uint32_t value);
    void add(const std::string & key, double value);
    void add(const std::string & key, const std::string & value);
    void add(const std::string & key, const char * value) { add(key, std::string(value)); }
    void add(const std::string & key, const std::vector<int32_t> & values);
    void add(const std::string & key, const std::vector<uint64_t> & values);
    void add(const std::string & key, const std::vector<std::string> & values);
    void add_bytes(const std::string & key, const std::string & bytes);  // an array of u8

    // Shape slowest axis first. Throws MODEL_UNSUPPORTED for more than 4 axes or too long a name.
    void add_tensor(const std::string & name, const std::vector<int64_t> & shape, element_type type);

    // Everything before the tensors' bytes, padding included.
    std::string header() const;
    // Of tensor i, from the end of the header.
    uint64_t    offset(size_t i) const { return tensors_[i].offset; }
    uint64_t    n_bytes(size_t i) const { return tensors_[i].n_bytes; }
    // From the end of the header to the end of the file; the last tensor is padded too.
    uint64_t    data_bytes() const { return data_bytes_; }

  private:
    struct info {
        std::string          name;
        std::vector<int64_t> shape;
        element_type         type;
        uint64_t             offset;
        uint64_t             n_bytes;
    };

    void     add_key(const std::string & key, uint32_t type);
    void     add_array(const std::string & key, uint32_t element, size_t n);
    uint64_t padded(uint64_t n_bytes) const { return (n_bytes + alignment_ - 1) / alignment_ * alignment_; }

    size_t            alignment_;
    std::string       pairs_;
    uint64_t          n_pairs_ = 0;
    std::vector<info> tensors_;
    uint64_t          data_bytes_ = 0;
};

// Bytes of a tensor of this shape; its rows must be whole blocks of the type.
uint64_t tensor_bytes(const std::vector<int64_t> & shape, element_type type);

}  // namespace kstt
