#include "io/original-tensors.h"

#include "io/mlx-packing.h"
#include "io/moshi-cpp-names.h"
#include "runtime/error.h"

#include <utility>

namespace kstt {
namespace {

// Axes of 1 come and go between the frameworks: norms are [1, 1, n] or [n].
std::vector<int64_t> squeezed(const std::vector<int64_t> & shape) {
    std::vector<int64_t> axes;
    for (const int64_t n : shape) {
        if (n != 1) {
            axes.push_back(n);
        }
    }
    return axes;
}

bool is_weight_type(element_type type) {
    return type == element_type::f32 || type == element_type::f16 || type == element_type::bf16 ||
           is_block_format(type);
}

}  // namespace

original_tensors::original_tensors(std::shared_ptr<const stored_files> files, std::string path, std::string prefix)
    : files_(std::move(files)), path_(std::move(path)), prefix_(std::move(prefix)) {}

const tensor_view * original_tensors::find_one(const std::string & name) const {
    const tensor_view * found = files_->find(prefix_ + name);
    return found != nullptr || prefix_.empty() ? found : find_hashed(*files_, prefix_ + name);
}

const tensor_view * original_tensors::find(names candidates) const {
    for (const std::string & name : candidates) {
        if (const tensor_view * found = find_one(name)) {
            return found;
        }
    }
    return nullptr;
}

stored_rows original_tensors::need(names candidates, const std::vector<int64_t> & shape) const {
    const tensor_view * found = find(candidates);
    const std::string & name  = found != nullptr ? found->name : *candidates.begin();
    if (found == nullptr) {
        fail(prefix_ + name,
             "is missing, expected with shape " + shape_text(shape) +
                 "; the checkpoint is incomplete or does not fit its config.json");
    }
    if (is_mlx_packed(*files_, *found)) {
        return unpack_mlx(*files_, *found, shape);
    }
    if (squeezed(found->shape) != squeezed(shape)) {
        fail(name, "expected shape " + shape_text(shape) + " by config.json, found " + shape_text(found->shape));
    }
    if (!is_weight_type(found->type)) {
        fail(name, std::string("expected type f32, f16 or bf16, found ") + element_type_name(found->type));
    }
    tensor_view shaped = *found;
    shaped.shape       = shape;
    return rows_of(shaped);
}

void original_tensors::fail(const std::string & name, const std::string & problem) const {
    throw error(KSTT_STATUS_MODEL_FORMAT, path_ + ": tensor " + name + ": " + problem);
}

int64_t interleaved_row(int64_t row, int64_t head_dim) {
    const int64_t in_head = row % head_dim;
    const int64_t half    = in_head / (head_dim / 2);
    const int64_t pair    = in_head % (head_dim / 2);
    return row - in_head + 2 * pair + half;
}

stored_rows slice_rows(const stored_rows & rows, int64_t first, int64_t n) {
    stored_rows part = rows;
    part.n_rows      = n;
    part.read        = [read = rows.read, first](int64_t row, uint8_t * out) { read(first + row, out); };
    if (rows.data != nullptr) {
        part.data          = rows.data + static_cast<size_t>(first) * rows.row_bytes;
        tensor_view source = rows.sources.front();
        source.data        = part.data;
        source.n_bytes     = static_cast<size_t>(n) * rows.row_bytes;
        part.sources       = { std::move(source) };
    }
    return part;
}

}  // namespace kstt
