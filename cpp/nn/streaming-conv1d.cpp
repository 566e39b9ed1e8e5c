#include "nn/streaming-conv1d.h"

#include "kernels/kernels.h"
#include "nn/linear.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>

namespace kstt {

namespace {

struct window_params {
    thread_pool * pool;
    int64_t       context;
    int64_t       extra;  // columns appended on the right
    pad_mode      padding;
    bool          elu;
    bool          has_state;
};

void copy_columns(
    const window_params & params, const float * x, float * out, int64_t columns, int64_t stride, int64_t n) {
    // Whole columns are adjacent: one long run instead of many short ones.
    if (n == stride) {
        n *= columns;
        columns = 1;
    }
    for (int64_t t = 0; t < columns; t++) {
        if (params.elu) {
            kernels().elu(x + t * stride, out + t * stride, n);
        } else {
            std::memcpy(out + t * stride, x + t * stride, static_cast<size_t>(n) * sizeof(float));
        }
    }
}

void fill_columns(const float * column, float * out, int64_t columns, int64_t stride, int64_t n) {
    for (int64_t t = 0; t < columns; t++) {
        if (column != nullptr) {
            std::memcpy(out + t * stride, column, static_cast<size_t>(n) * sizeof(float));
        } else {
            std::memset(out + t * stride, 0, static_cast<size_t>(n) * sizeof(float));
        }
    }
}

// out [channels, context + columns + extra, rows] = state | elu?(x) | padding; state = its last columns before padding.
void make_window(ggml_tensor * out, const window_params & params, int64_t c0, int64_t n) {
    const ggml_tensor * x        = out->src[0];
    const int64_t       channels = x->ne[0];
    const int64_t       columns  = x->ne[1];
    for (int64_t row = 0; row < x->ne[2]; row++) {
        const float * in     = static_cast<const float *>(x->data) + row * channels * columns + c0;
        float *       window = static_cast<float *>(out->data) + row * channels * out->ne[1] + c0;
        float *       body   = window + params.context * channels;
        copy_columns(params, in, body, columns, channels, n);
        if (params.has_state) {
            const int32_t slot     = static_cast<const int32_t *>(out->src[2]->data)[row];
            const int32_t position = static_cast<const int32_t *>(out->src[3]->data)[row];
            float *       state    = static_cast<float *>(out->src[1]->data) + slot * params.context * channels + c0;
            if (position == 0) {
                fill_columns(
                    params.padding == pad_mode::replicate ? body : nullptr, window, params.context, channels, n);
            } else {
                for (int64_t t = 0; t < params.context; t++) {
                    std::memcpy(window + t * channels, state + t * channels, static_cast<size_t>(n) * sizeof(float));
                }
            }
            const float * last = window + columns * channels;
            for (int64_t t = 0; t < params.context; t++) {
                std::memcpy(state + t * channels, last + t * channels, static_cast<size_t>(n) * sizeof(float));
            }
        }
        const float * last_column = body + (columns - 1) * channels;
        fill_columns(params.padding == pad_mode::replicate ? last_column : nullptr,
                     body + columns * channels,
                     params.extra,
                     channels,
                     n);
    }
}

void compute_window(ggml_tensor * out, int, int, void * userdata) {
    const auto &  params   = *static_cast<const window_params *>(userdata);
    const int64_t channels = out->ne[0];
    // Chunks share the channels, so none reads a state that another has already moved on; runs of 32 channels at least.
    const int64_t n_chunks = params.pool->n_threads() == 1 ? 1 : std::max<int64_t>(1, channels / 32);
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t) {
        const work_range share = share_work(channels, chunk, n_chunks);
        make_window(out, params, share.begin, share.end - share.begin);
    });
}

struct unfold_params {
    int64_t kernel_size;
    int64_t dilation;
};

// Dilated kernels read columns that are not adjacent: gather them. out [channels * kernel_size, columns, rows]
void compute_unfold(ggml_tensor * out, int, int, void * userdata) {
    const auto &        params   = *static_cast<const unfold_params *>(userdata);
    const ggml_tensor * x        = out->src[0];
    const int64_t       channels = x->ne[0];
    for (int64_t row = 0; row < out->ne[2]; row++) {
        for (int64_t t = 0; t < out->ne[1]; t++) {
            float * column = static_cast<float *>(out->data) + (row * out->ne[1] + t) * out->ne[0];
            for (int64_t j = 0; j < params.kernel_size; j++) {
                const float * from =
                    static_cast<const float *>(x->data) + (row * x->ne[1] + t + j * params.dilation) * channels;
                std::memcpy(column + j * channels, from, static_cast<size_t>(channels) * sizeof(float));
            }
        }
    }
}

}  // namespace

int32_t declare_conv1d_state(state_layout & layout, const std::string & name, const conv1d_shape & shape) {
    return shape.context() > 0 ? layout.declare(name, GGML_TYPE_F32, shape.n_in, shape.context(), true) : -1;
}

ggml_tensor * build_streaming_conv1d(graph_scope &          g,
                                     const conv1d_weights & conv,
                                     const state_arena &    state,
                                     int32_t                entry,
                                     const stream_rows &    rows,
                                     ggml_tensor *          x,
                                     const conv1d_options & options) {
    const conv1d_shape & shape = conv.shape;
    KSTT_CHECK(x->ne[0] == shape.n_in);
    window_params params = { g.pool(), shape.context(), 0, shape.padding, options.elu, entry >= 0 };
    if (options.pad_right) {
        params.extra = (x->ne[1] + shape.stride - 1) / shape.stride * shape.stride - x->ne[1];
    }
    ggml_tensor * window = x;
    if (params.context > 0 || params.extra > 0 || params.elu) {
        std::vector<ggml_tensor *> args = { x };
        if (params.has_state) {
            args.insert(args.end(), { state.tensor(entry), rows.slots, rows.positions });
        }
        window = g.custom(args,
                          compute_window,
                          params,
                          GGML_TYPE_F32,
                          shape.n_in,
                          params.context + x->ne[1] + params.extra,
                          x->ne[2]);
    }
    const int64_t reach = (shape.kernel_size - 1) * shape.dilation + 1;
    KSTT_CHECK(window->ne[1] >= reach);
    linear_options linear;
    linear.bias           = conv.bias;
    linear.residual       = options.residual;
    linear.window_columns = (window->ne[1] - reach) / shape.stride + 1;
    linear.window_step    = shape.stride * shape.n_in;
    if (shape.dilation > 1) {
        KSTT_CHECK(shape.stride == 1);
        window             = g.custom({ window },
                          compute_unfold,
                          unfold_params{ shape.kernel_size, shape.dilation },
                          GGML_TYPE_F32,
                          shape.n_in * shape.kernel_size,
                          linear.window_columns,
                          window->ne[2]);
        linear.window_step = 0;
    }
    return build_linear(g, conv.weight, window, linear);
}

}  // namespace kstt
