// Residual vector quantization: nearest code of each codebook in turn (spec 3.6).
#pragma once

#include "nn/graph-scope.h"

namespace kstt {

struct codebook_weights {
    ggml_tensor * entries   = nullptr;  // F32 [dim, n_entries]
    ggml_tensor * half_norm = nullptr;  // F32 [n_entries], |entry|^2 / 2
};

struct residual_vq_weights {
    ggml_tensor *                 input_proj = nullptr;  // F32 [hidden, dim], or nullptr
    std::vector<codebook_weights> codebooks;
};

// x F32 [hidden, frames, n_rows]. Writes the codes of codebook j to row first_code + j of
// codes I32 [n_quantizers, frames * n_rows], which must be an input of the graph. The result only serves to order the
// nodes: it must be expanded into the graph.
ggml_tensor * build_residual_vq(graph_scope &               g,
                                const residual_vq_weights & weights,
                                ggml_tensor *               x,
                                ggml_tensor *               codes,
                                int64_t                     first_code,
                                const std::string &         name);

}  // namespace kstt
