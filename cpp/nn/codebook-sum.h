// Codes back to vectors: the entries that a residual quantizer chose, summed (spec 3.8).
#pragma once

#include "nn/residual-vq.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

// codes I32 [n_codes, frames, n_rows]. Sums entry codes[first_code + j] of codebook j for j in 0 .. n_used - 1, in that
// order, and multiplies the sum by `proj` (F32 [dim, hidden]; nullptr: leaves it) -> F32 [hidden, frames, n_rows],
// plus `residual` if that is not nullptr.
ggml_tensor * build_codebook_sum(graph_scope &                         g,
                                 const std::vector<codebook_weights> & codebooks,
                                 ggml_tensor *                         proj,
                                 ggml_tensor *                         codes,
                                 int64_t                               first_code,
                                 int64_t                               n_used,
                                 ggml_tensor *                         residual);

}  // namespace kstt
