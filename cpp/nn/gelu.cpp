#include "nn/gelu.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

struct gelu_params {
    thread_pool * pool;
};

// erff takes some nanoseconds: below this many elements another thread is not worth waking.
constexpr int64_t chunk_elements = 2048;

void compute_gelu(ggml_tensor * y, int, int, void * userdata) {
    thread_pool & pool = *static_cast<const gelu_params *>(userdata)->pool;
    const auto *  x    = static_cast<const float *>(y->src[0]->data);
    auto *        out  = static_cast<float *>(y->data);
    const int64_t n    = ggml_nelements(y);
    const int64_t n_chunks =
        std::max<int64_t>(1, std::min<int64_t>(n / chunk_elements, int64_t{ 4 } * pool.n_threads()));
    pool.run(n_chunks, [&](int64_t chunk, int32_t) {
        const work_range share = share_work(n, chunk, n_chunks);
        for (int64_t i = share.begin; i < share.end; i++) {
            out[i] = 0.5F * x[i] * (1.0F + std::erf(x[i] * 0.70710678F));
        }
    });
}

}  // namespace

ggml_tensor * build_gelu(graph_scope & g, ggml_tensor * x) {
    KSTT_CHECK(ggml_is_contiguous(x));
    return g.custom({ x }, compute_gelu, gelu_params{ g.pool() }, GGML_TYPE_F32, x->ne[0], x->ne[1], x->ne[2]);
}

}  // namespace kstt
