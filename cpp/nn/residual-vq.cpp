#include "nn/residual-vq.h"

#include "kernels/kernels.h"
#include "nn/linear.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {

namespace {

struct select_params {
    int64_t code_row;
};

// out = residual - entry of the nearest code; sources: residual, dots, entries, half_norm, codes (written)
void compute_select(ggml_tensor * out, int, int, void * userdata) {
    const auto &        params    = *static_cast<const select_params *>(userdata);
    const ggml_tensor * dots      = out->src[1];
    const ggml_tensor * entries   = out->src[2];
    ggml_tensor *       codes     = out->src[4];
    const int64_t       dim       = out->ne[0];
    const int64_t       n_entries = entries->ne[1];
    for (int64_t column = 0; column < out->ne[1] * out->ne[2]; column++) {
        const int32_t code = kernels().nearest(static_cast<const float *>(dots->data) + column * n_entries,
                                               static_cast<const float *>(out->src[3]->data),
                                               n_entries);
        float *       to   = static_cast<float *>(out->data) + column * dim;
        std::memcpy(
            to, static_cast<const float *>(out->src[0]->data) + column * dim, static_cast<size_t>(dim) * sizeof(float));
        kernels().subtract(to, static_cast<const float *>(entries->data) + code * dim, dim);
        static_cast<int32_t *>(codes->data)[column * codes->ne[0] + params.code_row] = code;
    }
}

}  // namespace

ggml_tensor * build_residual_vq(graph_scope &               g,
                                const residual_vq_weights & weights,
                                ggml_tensor *               x,
                                ggml_tensor *               codes,
                                int64_t                     first_code,
                                const std::string &         name) {
    KSTT_CHECK(codes->type == GGML_TYPE_I32);
    KSTT_CHECK(codes->ne[0] >= first_code + static_cast<int64_t>(weights.codebooks.size()));
    ggml_tensor * residual = x;
    if (weights.input_proj != nullptr) {
        residual = g.name(build_linear(g, weights.input_proj, x), name + ".input_proj");
    }
    for (size_t j = 0; j < weights.codebooks.size(); j++) {
        const codebook_weights & book = weights.codebooks[j];
        ggml_tensor *            dots = build_linear(g, book.entries, residual);
        residual                      = g.custom({ residual, dots, book.entries, book.half_norm, codes },
                            compute_select,
                            select_params{ first_code + static_cast<int64_t>(j) },
                            GGML_TYPE_F32,
                            residual->ne[0],
                            residual->ne[1],
                            residual->ne[2]);
    }
    return residual;
}

}  // namespace kstt
