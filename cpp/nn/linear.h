// y = residual + scale * (W x + bias), every part but W optional, in one node. f32, f16 and bf16 weights are read in
// their own type and multiplied with f32 activations. Packed ones (packed-weight.h) are multiplied with activations
// that are rounded to 8 bits, in blocks of 32, once per node. Other types, and quantized weights in ggml's own form, go
// through ggml's product.
#pragma once

#include "nn/graph-scope.h"

namespace kstt {

struct linear_options {
    ggml_tensor * bias           = nullptr;  // F32 [n_out]
    ggml_tensor * scale          = nullptr;  // F32 [n_out]
    ggml_tensor * residual       = nullptr;  // as the result
    // Convolution: output column t reads k consecutive floats from t * window_step on (channels of one column are
    // adjacent, so that is kernel_size whole columns). 0: plain product.
    int64_t       window_step    = 0;
    int64_t       window_columns = 0;  // output columns per row
};

// w [k, n_out], x [k, n_columns, n_rows] -> F32 [n_out, n_columns, n_rows]
ggml_tensor * build_linear(graph_scope & g, ggml_tensor * w, ggml_tensor * x, const linear_options & options = {});

}  // namespace kstt
