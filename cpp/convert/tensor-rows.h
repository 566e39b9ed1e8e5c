// The bytes of a planned tensor, piece by piece.
#pragma once

#include "convert/conversion-plan.h"
#include "convert/row-encoder.h"
#include "io/output-file.h"

#include <cstdint>
#include <vector>

namespace kstt {

class tensor_rows {
  public:
    explicit tensor_rows(row_encoder & encoder) : encoder_(encoder) {}

    // Begins with a tensor; `tensor` stays alive until it is done.
    void begin(const planned_tensor & tensor);

    // Writes some megabytes of rows, at least one. Returns whether that was the last.
    bool write_some(output_file & out);

  private:
    void write_stored(output_file & out);
    void write_filled(output_file & out);
    void divide_by_usage(tensor_view & part);
    void encode(const tensor_view & part, output_file & out);

    row_encoder &          encoder_;
    const planned_tensor * tensor_   = nullptr;
    int64_t                row_size_ = 0;
    int64_t                n_stored_ = 0;  // rows
    int64_t                row_      = 0;  // next
    tensor_view            view_;
    std::vector<float>     usage_;
    std::vector<float>     values_;
    std::vector<uint8_t>   buffer_;
};

}  // namespace kstt
