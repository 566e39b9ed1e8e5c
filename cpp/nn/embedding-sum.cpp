#include "nn/embedding-sum.h"

#include "kernels/kernels.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {

namespace {

struct sum_params {
    int64_t n_ids;
};

// out [hidden, n_sums]; source [hidden, n_ids * n_sums]
void compute_sum(ggml_tensor * out, int, int, void * userdata) {
    const auto &  params = *static_cast<const sum_params *>(userdata);
    const int64_t hidden = out->ne[0];
    for (int64_t i = 0; i < out->ne[1]; i++) {
        const float * rows = static_cast<const float *>(out->src[0]->data) + i * params.n_ids * hidden;
        float *       sum  = static_cast<float *>(out->data) + i * hidden;
        std::memcpy(sum, rows, static_cast<size_t>(hidden) * sizeof(float));
        for (int64_t j = 1; j < params.n_ids; j++) {
            kernels().add(sum, rows + j * hidden, hidden);
        }
    }
}

}  // namespace

ggml_tensor * build_embedding_sum(graph_scope & g, ggml_tensor * table, ggml_tensor * ids) {
    KSTT_CHECK(ids->type == GGML_TYPE_I32 && ggml_is_contiguous(ids));
    ggml_tensor * flat = ggml_reshape_1d(g.context(), ids, ids->ne[0] * ids->ne[1]);
    ggml_tensor * rows = ggml_get_rows(g.context(), table, flat);
    return g.custom({ rows }, compute_sum, sum_params{ ids->ne[0] }, GGML_TYPE_F32, table->ne[0], ids->ne[1]);
}

}  // namespace kstt
