#include "convert/tensor-rows.h"

#include "io/gguf-writer.h"

#include <algorithm>

namespace kstt {
namespace {

// Source bytes per piece: what is in memory at a time, besides its result.
constexpr size_t piece_bytes = size_t{ 8 } << 20U;

}  // namespace

void tensor_rows::begin(const planned_tensor & tensor) {
    tensor_   = &tensor;
    row_size_ = tensor.shape.back();
    row_      = 0;
    n_stored_ = 0;
    usage_.clear();
    if (tensor.source.empty()) {
        return;
    }
    view_     = *tensor.weights->find(tensor.source);
    n_stored_ = view_.n_elements() / row_size_;
    if (!tensor.usage.empty()) {
        const tensor_view & usage = *tensor.weights->find(tensor.usage);
        usage_.resize(static_cast<size_t>(usage.n_elements()));
        convert_to_f32(usage, usage_.data());
    }
}

bool tensor_rows::write_some(output_file & out) {
    if (row_ < n_stored_) {
        write_stored(out);
        if (row_ == n_stored_) {
            tensor_->weights->release(view_);
        }
    } else if (tensor_->n_filled > 0) {
        write_filled(out);
        return true;
    }
    return row_ == n_stored_ && tensor_->n_filled == 0;
}

void tensor_rows::write_stored(output_file & out) {
    const size_t  row_bytes = view_.n_bytes / static_cast<size_t>(n_stored_);
    const auto    per_piece = std::max<int64_t>(1, static_cast<int64_t>(piece_bytes / row_bytes));
    const int64_t count     = std::min(n_stored_ - row_, per_piece);
    tensor_view   part      = view_;
    part.shape              = { count, row_size_ };
    part.data               = view_.data + static_cast<size_t>(row_) * row_bytes;
    part.n_bytes            = static_cast<size_t>(count) * row_bytes;
    const tensor_view read  = part;
    if (!usage_.empty()) {
        divide_by_usage(part);
    }
    encode(part, out);
    tensor_->weights->release(read);
    row_ += count;
}

// All at once: rows of zeros, and the counts and flags of codebooks, which are one row of a tensor of one axis.
void tensor_rows::write_filled(output_file & out) {
    const int64_t n_rows = tensor_->shape.size() > 1 ? tensor_->n_filled : 1;
    values_.assign(static_cast<size_t>(n_rows * row_size_), tensor_->fill);
    tensor_view part;
    part.name    = tensor_->name;
    part.type    = element_type::f32;
    part.shape   = { n_rows, row_size_ };
    part.data    = reinterpret_cast<const uint8_t *>(values_.data());
    part.n_bytes = values_.size() * sizeof(float);
    encode(part, out);
}

// The entries of a codebook from sums and counts, as the loader computes them (spec 2.6).
void tensor_rows::divide_by_usage(tensor_view & part) {
    values_.resize(static_cast<size_t>(part.n_elements()));
    convert_to_f32(part, values_.data());
    for (int64_t row = 0; row < part.shape[0]; ++row) {
        const float divisor = std::max(usage_[static_cast<size_t>(row_ + row)], 1e-5F);
        for (int64_t i = 0; i < row_size_; ++i) {
            values_[static_cast<size_t>(row * row_size_ + i)] /= divisor;
        }
    }
    part.type    = element_type::f32;
    part.data    = reinterpret_cast<const uint8_t *>(values_.data());
    part.n_bytes = values_.size() * sizeof(float);
}

void tensor_rows::encode(const tensor_view & part, output_file & out) {
    if (part.type == tensor_->choice.type) {
        out.write(part.data, part.n_bytes);
        return;
    }
    buffer_.resize(static_cast<size_t>(tensor_bytes(part.shape, tensor_->choice.type)));
    encoder_.encode(part, tensor_->choice.type, buffer_.data());
    out.write(buffer_.data(), buffer_.size());
}

}  // namespace kstt
