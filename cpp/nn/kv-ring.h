// Rotating KV window and the attention over it. Position p of a slot lives at ring place p % capacity; which keys a
// query sees follows from positions alone, so the ring is never cleared, moved, or masked.
#pragma once

#include "nn/graph-scope.h"
#include "nn/state-layout.h"
#include "nn/streaming-conv1d.h"

namespace kstt {

struct kv_ring_shape {
    int64_t   n_heads    = 0;  // query heads
    int64_t   n_kv_heads = 0;
    int64_t   head_dim   = 0;
    int64_t   window     = 0;  // keys a query may see, itself included
    // Positions that enter together in the reference's streaming mode: all are written before the first one reads, so
    // the j-th of them sees window - group + 1 + j keys (spec 3.4). 1: every query sees `window` keys.
    int64_t   group      = 1;
    int64_t   capacity   = 0;              // >= window + columns per call - 1
    ggml_type type       = GGML_TYPE_F32;  // F32 or F16
};

struct kv_ring {
    kv_ring_shape shape;
    int32_t       keys   = -1;  // entries of the layout, [n_kv_heads * head_dim, capacity] per slot
    int32_t       values = -1;
};

// Inputs shared by the layers of one stack.
struct attention_rows {
    ggml_tensor * slots     = nullptr;  // I32 [n_rows]
    ggml_tensor * positions = nullptr;  // I32 [n_rows], position of each row's first new column
    ggml_tensor * rope      = nullptr;  // F32 [head_dim, columns, n_rows], see rope_table::fill
};

kv_ring declare_kv_ring(state_layout & layout, const std::string & name, const kv_ring_shape & shape);

// q F32 [n_heads * head_dim, columns, n_rows]; k, v F32 [n_kv_heads * head_dim, columns, n_rows], before rotation.
// Writes k and v into the rings, then attends. -> F32 [n_heads * head_dim, columns, n_rows]
ggml_tensor * build_ring_attention(graph_scope &          g,
                                   const kv_ring &        ring,
                                   const state_arena &    state,
                                   const attention_rows & rows,
                                   ggml_tensor *          q,
                                   ggml_tensor *          k,
                                   ggml_tensor *          v);

}  // namespace kstt
