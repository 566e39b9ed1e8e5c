// Causal convolution with left context (spec 3.1): the state of a slot is the last columns of its input.
#pragma once

#include "nn/graph-scope.h"
#include "nn/state-layout.h"

namespace kstt {

// How the first call of a stream fills the left context.
enum class pad_mode { zeros, replicate };

struct conv1d_shape {
    int64_t  n_in        = 0;
    int64_t  n_out       = 0;
    int64_t  kernel_size = 1;
    int64_t  stride      = 1;
    int64_t  dilation    = 1;
    pad_mode padding     = pad_mode::zeros;

    // Columns of left context: effective kernel minus stride.
    int64_t context() const { return (kernel_size - 1) * dilation + 1 - stride; }
};

struct conv1d_weights {
    conv1d_shape  shape;
    ggml_tensor * weight = nullptr;  // F32 [n_in * kernel_size, n_out]: kernel position slow, input channel fast
    ggml_tensor * bias   = nullptr;  // F32 [n_out] or nullptr
};

// Which slot each row of the batch belongs to, and how far its stream is.
struct stream_rows {
    ggml_tensor * slots     = nullptr;  // I32 [n_rows]
    ggml_tensor * positions = nullptr;  // I32 [n_rows], calls' worth of progress before this call; 0: stream begins
};

struct conv1d_options {
    bool          elu       = false;    // ELU on the input first; the context holds the activated input
    ggml_tensor * residual  = nullptr;  // added to the result
    // Offline end of a file: pad the input on the right to whole strides, as transformers does without a cache.
    bool          pad_right = false;
};

// Entry of the layout, -1 where context() is 0.
int32_t declare_conv1d_state(state_layout & layout, const std::string & name, const conv1d_shape & shape);

// x F32 [n_in, columns, n_rows] -> F32 [n_out, columns / stride, n_rows]; states of the rows' slots move on.
ggml_tensor * build_streaming_conv1d(graph_scope &          g,
                                     const conv1d_weights & conv,
                                     const state_arena &    state,
                                     int32_t                entry,
                                     const stream_rows &    rows,
                                     ggml_tensor *          x,
                                     const conv1d_options & options = {});

}  // namespace kstt
