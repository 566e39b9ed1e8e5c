#include "model/codec-transformer.h"

#include <utility>

namespace kstt {

codec_transformer::codec_transformer(const codec_config &               config,
                                     const std::vector<block_weights> & blocks,
                                     const codec_transformer_options &  options,
                                     std::string                        name,
                                     state_layout &                     layout)
    : blocks_(blocks), eps_(config.norm_eps), name_(std::move(name)),
      rope_(config.head_dim, config.rope_theta, options.precision) {
    kv_ring_shape ring;
    ring.n_heads    = config.num_attention_heads;
    ring.n_kv_heads = config.num_key_value_heads;
    ring.head_dim   = config.head_dim;
    ring.window     = config.sliding_window;
    ring.group      = options.uniform_window ? 1 : config.columns_per_frame();
    ring.capacity =
        config.sliding_window + static_cast<int64_t>(options.max_frames_per_call) * config.columns_per_frame() - 1;
    for (size_t l = 0; l < blocks.size(); l++) {
        rings_.push_back(declare_kv_ring(layout, name_ + "." + std::to_string(l), ring));
    }
}

ggml_tensor * codec_transformer::build(graph_scope &          g,
                                       const state_arena &    state,
                                       const attention_rows & rows,
                                       ggml_tensor *          x) const {
    block_variant variant;
    variant.mlp = mlp_kind::gelu;
    variant.eps = eps_;
    for (size_t l = 0; l < blocks_.size(); l++) {
        x = build_transformer_block(g, blocks_[l], variant, rings_[l], state, rows, x, name_ + "." + std::to_string(l));
    }
    return x;
}

void codec_transformer::fill(const attention_rows & rows, int64_t row, int64_t first) const {
    const int64_t head_dim                            = rows.rope->ne[0];
    const int64_t n_columns                           = rows.rope->ne[1];
    static_cast<int32_t *>(rows.positions->data)[row] = static_cast<int32_t>(first);
    for (int64_t column = 0; column < n_columns; column++) {
        rope_.fill(first + column, static_cast<float *>(rows.rope->data) + (row * n_columns + column) * head_dim);
    }
}

}  // namespace kstt
