// Weights as MLX quantizes them: per row and group of columns a scale and a bias, whole numbers of 8 or 4 bits packed
// into 32-bit words (spec 2.3).
#pragma once

#include "io/stored-files.h"

#include <cstdint>
#include <vector>

namespace kstt {

// True if `weight`, "<name>.weight", is such a tensor: "<name>.scales" and "<name>.biases" stand beside it.
bool is_mlx_packed(const stored_files & files, const tensor_view & weight);

// The rows, unpacked to the type of the scales (bf16 in the published files; f32 or f16). `shape`: what config.json
// asks for. Group size and bits follow from the shapes. Throws MODEL_FORMAT, and MODEL_UNSUPPORTED for other packings.
stored_rows unpack_mlx(const stored_files & files, const tensor_view & weight, const std::vector<int64_t> & shape);

}  // namespace kstt
