// Rows of one tensor from one type to another, on all threads of a pool.
#pragma once

#include "io/checkpoint.h"
#include "runtime/thread-pool.h"

#include <cstdint>
#include <vector>

namespace kstt {

class row_encoder {
  public:
    explicit row_encoder(thread_pool & pool) : pool_(pool) {}

    // Encodes the rows (the last axis of `rows.shape`) as `type` into `out`, which holds as many bytes as they need.
    // Equal types are copied byte for byte; f16 and bf16 round to nearest even; block formats are ggml's
    // (ggml_quantize_chunk without importance matrix), whose result does not depend on how rows are shared out.
    // Throws MODEL_FORMAT naming the tensor for a value that the type cannot hold: not finite, or beyond f16.
    void encode(const tensor_view & rows, element_type type, uint8_t * out);

  private:
    thread_pool &      pool_;
    std::vector<float> scratch_;  // a piece of rows per thread
};

}  // namespace kstt
