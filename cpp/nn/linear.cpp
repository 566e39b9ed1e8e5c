#include "nn/linear.h"

#include "kernels/kernels.h"
#include "runtime/error.h"

#include <algorithm>

namespace kstt {

namespace {

struct linear_params {
    thread_pool * pool;
    int32_t       bias        = -1;  // index among the node's sources, -1: none
    int32_t       scale       = -1;
    int32_t       residual    = -1;
    int64_t       window_step = 0;
};

// A chunk is worth handing to another thread from about this many multiply-adds on (some 5 microseconds).
constexpr int64_t chunk_work = 200000;

// More chunks than threads, so that a thread that starts late finds less left to do.
constexpr int64_t chunks_per_thread = 4;

const float * floats(const ggml_tensor * node, int32_t source) {
    return source < 0 ? nullptr : static_cast<const float *>(node->src[source]->data);
}

void compute_linear(ggml_tensor * y, int, int, void * userdata) {
    const auto &        params = *static_cast<const linear_params *>(userdata);
    const ggml_tensor * w      = y->src[0];
    const ggml_tensor * x      = y->src[1];
    matmul_args         args;
    args.w            = w->data;
    args.kind         = w->type == GGML_TYPE_F32   ? weight_kind::f32
                        : w->type == GGML_TYPE_F16 ? weight_kind::f16
                                                   : weight_kind::bf16;
    args.k            = w->ne[0];
    args.n_out        = w->ne[1];
    args.x            = static_cast<const float *>(x->data);
    args.y            = static_cast<float *>(y->data);
    args.y_stride     = y->ne[0];
    args.bias         = floats(y, params.bias);
    args.scale        = floats(y, params.scale);
    args.residual     = floats(y, params.residual);
    args.x_stride     = params.window_step > 0 ? params.window_step : x->ne[0];
    args.group        = y->ne[1];
    args.group_stride = x->ne[0] * x->ne[1];

    const int64_t n_out     = y->ne[0];
    const int64_t n_columns = y->ne[1] * y->ne[2];
    const int64_t n_threads = params.pool->n_threads();
    const int64_t by_work   = n_out * n_columns * args.k / chunk_work;
    const int64_t n_chunks =
        n_threads == 1 ? 1 : std::max<int64_t>(1, std::min(by_work, n_threads * chunks_per_thread));
    // Many columns: a chunk takes some of them and reads all of w. Few: it takes some rows, so that w is read once.
    const bool by_column = n_columns >= 16 * n_chunks && n_columns > n_out / 8;
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t) {
        matmul_args part = args;
        part.o1          = n_out;
        part.t1          = n_columns;
        if (by_column) {
            const work_range share = share_work(n_columns, chunk, n_chunks);
            part.t0                = share.begin;
            part.t1                = share.end;
        } else {
            // In blocks of 8 rows: whole tiles.
            const work_range share = share_work((n_out + 7) / 8, chunk, n_chunks);
            part.o0                = share.begin * 8;
            part.o1                = std::min(share.end * 8, n_out);
        }
        kernels().matmul(part);
    });
}

bool has_kernel(ggml_type type) {
    return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16;
}

}  // namespace

ggml_tensor * build_linear(graph_scope & g, ggml_tensor * w, ggml_tensor * x, const linear_options & options) {
    KSTT_CHECK(ggml_is_contiguous(w) && ggml_is_contiguous(x) && x->type == GGML_TYPE_F32);
    const int64_t columns = options.window_step > 0 ? options.window_columns : x->ne[1];
    KSTT_CHECK(options.window_step > 0 ? (columns - 1) * options.window_step + w->ne[0] <= x->ne[0] * x->ne[1]
                                       : w->ne[0] == x->ne[0]);
    if (!has_kernel(w->type)) {
        KSTT_CHECK(options.window_step == 0);
        ggml_tensor * y = ggml_mul_mat(g.context(), w, x);
        y               = options.bias != nullptr ? ggml_add(g.context(), y, options.bias) : y;
        y               = options.scale != nullptr ? ggml_mul(g.context(), y, options.scale) : y;
        return options.residual != nullptr ? ggml_add(g.context(), y, options.residual) : y;
    }
    linear_params params;
    params.pool                       = g.pool();
    std::vector<ggml_tensor *> args   = { w, x };
    const auto                 attach = [&](ggml_tensor * tensor) {
        if (tensor == nullptr) {
            return -1;
        }
        args.push_back(tensor);
        return static_cast<int32_t>(args.size()) - 1;
    };
    params.bias        = attach(options.bias);
    params.scale       = attach(options.scale);
    params.residual    = attach(options.residual);
    params.window_step = options.window_step;
    return g.custom(args, compute_linear, params, GGML_TYPE_F32, w->ne[1], columns, x->ne[2]);
}

}  // namespace kstt
