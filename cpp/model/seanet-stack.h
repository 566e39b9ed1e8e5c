// The convolution stack of either half of the codec: its streaming states, and its nodes in a graph.
#pragma once

#include "model/codec-layers.h"
#include "nn/graph-scope.h"
#include "nn/state-layout.h"
#include "nn/streaming-conv1d.h"

#include <cstdint>
#include <vector>

namespace kstt {

class seanet_stack {
  public:
    // `layers` must outlive the stack.
    seanet_stack(const std::vector<seanet_layer> & layers, state_layout & layout);

    // x F32 [channels, columns, n_rows]; pad_right as in conv1d_options.
    ggml_tensor * build(
        graph_scope & g, const state_arena & state, const stream_rows & rows, ggml_tensor * x, bool pad_right) const;

  private:
    struct layer_state {
        int32_t conv      = -1;
        int32_t pointwise = -1;
    };

    const std::vector<seanet_layer> & layers_;
    std::vector<layer_state>          states_;
};

// Columns [unfold][n] of a transposed convolution as columns of their own.
ggml_tensor * unfold_columns(graph_scope & g, ggml_tensor * x, int64_t unfold);

}  // namespace kstt
