#include "nn/linear.h"

#include "kernels/kernels.h"
#include "runtime/error.h"

namespace kstt {

namespace {

struct linear_params {
    int32_t bias        = -1;  // index among the node's sources, -1: none
    int32_t scale       = -1;
    int32_t residual    = -1;
    int64_t window_step = 0;
};

const float * floats(const ggml_tensor * node, int32_t source) {
    return source < 0 ? nullptr : static_cast<const float *>(node->src[source]->data);
}

void compute_linear(ggml_tensor * y, int ith, int nth, void * userdata) {
    const auto &        params = *static_cast<const linear_params *>(userdata);
    const ggml_tensor * w      = y->src[0];
    const ggml_tensor * x      = y->src[1];
    matmul_args         args;
    args.w    = w->data;
    args.kind = w->type == GGML_TYPE_F32 ? weight_kind::f32 : w->type == GGML_TYPE_F16 ? weight_kind::f16 : weight_kind::bf16;
    args.k    = w->ne[0];
    args.x    = static_cast<const float *>(x->data);
    args.y    = static_cast<float *>(y->data);
    args.y_stride     = y->ne[0];
    args.bias         = floats(y, params.bias);
    args.scale        = floats(y, params.scale);
    args.residual     = floats(y, params.residual);
    args.x_stride     = params.window_step > 0 ? params.window_step : x->ne[0];
    args.group        = y->ne[1];
    args.group_stride = x->ne[0] * x->ne[1];

    const int64_t n_out     = y->ne[0];
    const int64_t n_columns = y->ne[1] * y->ne[2];
    args.o1                 = n_out;
    args.t1                 = n_columns;
    // Many columns: each thread takes some and reads all of w. Few: each takes some rows, so that w is read once.
    if (n_columns >= 16 * static_cast<int64_t>(nth) && n_columns > n_out / 8) {
        const work_range share = share_work(n_columns, ith, nth);
        args.t0                = share.begin;
        args.t1                = share.end;
    } else {
        // In blocks of 8 rows: whole tiles.
        const work_range share = share_work((n_out + 7) / 8, ith, nth);
        args.o0                = share.begin * 8;
        args.o1                = share.end * 8 < n_out ? share.end * 8 : n_out;
    }
    if (args.o0 < args.o1 && args.t0 < args.t1) {
        kernels().matmul(args);
    }
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
        y = options.bias != nullptr ? ggml_add(g.context(), y, options.bias) : y;
        y = options.scale != nullptr ? ggml_mul(g.context(), y, options.scale) : y;
        return options.residual != nullptr ? ggml_add(g.context(), y, options.residual) : y;
    }
    linear_params              params;
    std::vector<ggml_tensor *> args = { w, x };
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
