// The transformer of either half of the codec: its key-value rings, and its nodes in a graph.
#pragma once

#include "io/model-config.h"
#include "nn/kv-ring.h"
#include "nn/rope.h"
#include "nn/transformer-block.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct codec_transformer_options {
    int32_t        max_frames_per_call = 1;
    bool           uniform_window      = false;  // see KSTT_CODEC_WINDOW_UNIFORM
    rope_precision precision           = rope_precision::exact;
};

class codec_transformer {
  public:
    // `blocks` must outlive this; `name` prefixes states and nodes: <name>.<layer>.out.
    codec_transformer(const codec_config &               config,
                      const std::vector<block_weights> & blocks,
                      const codec_transformer_options &  options,
                      std::string                        name,
                      state_layout &                     layout);

    // x F32 [hidden, columns, n_rows]
    ggml_tensor * build(graph_scope & g, const state_arena & state, const attention_rows & rows, ggml_tensor * x) const;

    // Fills the inputs of one row whose first column has position `first`.
    void fill(const attention_rows & rows, int64_t row, int64_t first) const;

  private:
    const std::vector<block_weights> & blocks_;
    const float                        eps_;
    const std::string                  name_;
    rope_table                         rope_;
    std::vector<kv_ring>               rings_;
};

}  // namespace kstt
