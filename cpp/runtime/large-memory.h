// Memory for weights of many megabytes, in the system's large pages where it gives them on request (Linux): reading
// them from end to end then costs few address translations, and the processors' prefetching does not stop every 4 KiB.
#pragma once

#include <cstddef>

namespace kstt {

class large_memory {
  public:
    // Throws OUT_OF_MEMORY. The content is undefined.
    explicit large_memory(size_t n_bytes);
    ~large_memory();
    large_memory(const large_memory &)             = delete;
    large_memory & operator=(const large_memory &) = delete;

    void * data() const { return data_; }

  private:
    void * data_;
};

}  // namespace kstt
