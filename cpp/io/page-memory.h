// Memory for large tensors: address space that costs nothing until it is written to, and can be given back in parts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kstt {

class page_memory {
  public:
    page_memory() = default;
    // Throws OUT_OF_MEMORY. Aligned to 64 bytes at least, as ggml asks of tensors.
    explicit page_memory(size_t n_bytes);
    ~page_memory();
    page_memory(page_memory && other) noexcept;
    page_memory & operator=(page_memory && other) noexcept;

    uint8_t * data() const { return data_; }
    size_t    size() const { return size_; }

    // Whether discard gives memory back, which takes a system with pages.
    static bool can_discard();

    // What lies in these bytes is not needed any more; they must be written before they are read again.
    void discard(const uint8_t * begin, size_t n_bytes) const;

  private:
    uint8_t * data_ = nullptr;
    size_t    size_ = 0;
};

}  // namespace kstt
