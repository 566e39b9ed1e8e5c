#include "nn/codebook-sum.h"

#include "kernels/kernels.h"
#include "nn/linear.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {

namespace {

struct add_params {
    int64_t code_row;
};

// out = sum so far + entry of the code; sources: codes, entries, and the sum so far unless this is the first.
void compute_add(ggml_tensor * out, int, int, void * userdata) {
    const auto &        params  = *static_cast<const add_params *>(userdata);
    const ggml_tensor * codes   = out->src[0];
    const auto *        entries = static_cast<const float *>(out->src[1]->data);
    const int64_t       dim     = out->ne[0];
    for (int64_t column = 0; column < out->ne[1] * out->ne[2]; column++) {
        const int64_t code = static_cast<const int32_t *>(codes->data)[column * codes->ne[0] + params.code_row];
        float *       to   = static_cast<float *>(out->data) + column * dim;
        if (out->src[2] == nullptr) {
            std::memcpy(to, entries + code * dim, static_cast<size_t>(dim) * sizeof(float));
        } else {
            std::memcpy(to,
                        static_cast<const float *>(out->src[2]->data) + column * dim,
                        static_cast<size_t>(dim) * sizeof(float));
            kernels().add(to, entries + code * dim, dim);
        }
    }
}

}  // namespace

ggml_tensor * build_codebook_sum(graph_scope &                         g,
                                 const std::vector<codebook_weights> & codebooks,
                                 ggml_tensor *                         proj,
                                 ggml_tensor *                         codes,
                                 int64_t                               first_code,
                                 int64_t                               n_used,
                                 ggml_tensor *                         residual) {
    KSTT_CHECK(codes->type == GGML_TYPE_I32 && first_code + n_used <= codes->ne[0]);
    KSTT_CHECK(n_used >= 1 && n_used <= static_cast<int64_t>(codebooks.size()));
    ggml_tensor * sum = nullptr;
    for (int64_t j = 0; j < n_used; j++) {
        ggml_tensor *              entries = codebooks[static_cast<size_t>(j)].entries;
        std::vector<ggml_tensor *> args    = { codes, entries };
        if (sum != nullptr) {
            args.push_back(sum);
        }
        sum = g.custom(
            args, compute_add, add_params{ first_code + j }, GGML_TYPE_F32, entries->ne[0], codes->ne[1], codes->ne[2]);
    }
    if (proj == nullptr) {
        return residual != nullptr ? ggml_add(g.context(), residual, sum) : sum;
    }
    linear_options options;
    options.residual = residual;
    return build_linear(g, proj, sum, options);
}

}  // namespace kstt
