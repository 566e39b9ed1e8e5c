#include "nn/linear.h"

#include "kernels/kernels.h"
#include "nn/packed-weight.h"
#include "runtime/device.h"
#include "runtime/error.h"

#include <algorithm>

namespace kstt {

namespace {

struct linear_params {
    thread_pool *                      pool;
    int32_t                            bias        = -1;  // index among the node's sources, -1: none
    int32_t                            scale       = -1;
    int32_t                            residual    = -1;
    int64_t                            window_step = 0;
    // Packed weights: the quantized columns, in memory that all nodes of the graph share.
    std::shared_ptr<std::vector<char>> scratch;
};

// A chunk is worth handing to another thread from about this many multiply-adds on (some 5 microseconds).
constexpr int64_t chunk_work = 200000;

// More chunks than threads, so that a thread that starts late finds less left to do.
constexpr int64_t chunks_per_thread = 4;

// Blocks of 32 activations whose quantization is worth another thread (some 5 microseconds).
constexpr int64_t quantize_work = 1024;

const float * floats(const ggml_tensor * node, int32_t source) {
    return source < 0 ? nullptr : static_cast<const float *>(node->src[source]->data);
}

// Fills args.x_blocks.
void quantize_columns(const linear_params & params, const ggml_tensor * x, matmul_args & args) {
    auto *        blocks    = reinterpret_cast<activation_block *>(params.scratch->data());
    const int64_t per_block = static_cast<int64_t>(sizeof(activation_block::quants));
    const auto    kind      = args.kind;
    const int64_t n_blocks  = ggml_nelements(x) / per_block;
    const int64_t n_chunks  = std::clamp<int64_t>(n_blocks / quantize_work, 1, params.pool->n_threads());
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t) {
        const work_range share = share_work(n_blocks, chunk, n_chunks);
        kernels().quantize(kind,
                           static_cast<const float *>(x->data) + share.begin * per_block,
                           (share.end - share.begin) * per_block,
                           blocks + share.begin);
    });
    args.x_blocks = blocks;
}

void compute_linear(ggml_tensor * y, int, int, void * userdata) {
    const auto &        params = *static_cast<const linear_params *>(userdata);
    const ggml_tensor * w      = y->src[0];
    const ggml_tensor * x      = y->src[1];
    const bool          packed = is_packed(w);
    matmul_args         args;
    args.w            = w->data;
    args.kind         = kind_of(w->type);
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

    if (packed) {
        quantize_columns(params, x, args);
    }

    const int64_t n_out     = y->ne[0];
    const int64_t n_columns = y->ne[1] * y->ne[2];
    const int64_t n_threads = params.pool->n_threads();
    const int64_t by_work   = n_out * n_columns * args.k / chunk_work;
    const int64_t n_chunks =
        n_threads == 1 ? 1 : std::max<int64_t>(1, std::min(by_work, n_threads * chunks_per_thread));
    // Many columns: a chunk takes some of them and reads all of w. Few: it takes some rows, so that w is read once.
    const bool    by_column = !packed && n_columns >= 16 * n_chunks && n_columns > n_out / 8;
    // Whole tiles: 8 rows, or two strips of 16.
    const int64_t unit      = packed ? 32 : 8;
    const auto    product   = packed ? kernels().matmul_packed : kernels().matmul;
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t) {
        matmul_args part = args;
        part.o1          = n_out;
        part.t1          = n_columns;
        if (by_column) {
            const work_range share = share_work(n_columns, chunk, n_chunks);
            part.t0                = share.begin;
            part.t1                = share.end;
        } else {
            const work_range share = share_work((n_out + unit - 1) / unit, chunk, n_chunks);
            part.o0                = share.begin * unit;
            part.o1                = std::min(share.end * unit, n_out);
        }
        product(part);
    });
}

bool has_kernel(const ggml_tensor * w) {
    return w->type == GGML_TYPE_F32 || w->type == GGML_TYPE_F16 || w->type == GGML_TYPE_BF16 || is_packed(w);
}

}  // namespace

ggml_tensor * build_linear(graph_scope & g, ggml_tensor * w, ggml_tensor * x, const linear_options & options) {
    KSTT_CHECK(ggml_is_contiguous(w) && ggml_is_contiguous(x) && x->type == GGML_TYPE_F32);
    const int64_t columns = options.window_step > 0 ? options.window_columns : x->ne[1];
    KSTT_CHECK(options.window_step > 0 ? (columns - 1) * options.window_step + w->ne[0] <= x->ne[0] * x->ne[1]
                                       : w->ne[0] == x->ne[0]);
    if (!has_kernel(w)) {
        KSTT_CHECK(options.window_step == 0);
        KSTT_CHECK(!ggml_is_quantized(w->type) || ggml_rounds_activations());
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
    if (is_packed(w)) {
        KSTT_CHECK(options.window_step == 0);
        params.scratch = g.scratch(static_cast<size_t>(ggml_nelements(x)) / sizeof(activation_block::quants) *
                                   sizeof(activation_block));
    }
    return g.custom(args, compute_linear, params, GGML_TYPE_F32, w->ne[1], columns, x->ne[2]);
}

}  // namespace kstt
