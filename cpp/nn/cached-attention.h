// Attention of many positions at once over keys and values that are kept for as long as the caller wants, with masks
// and, on request, the weights of every key. The numbers are those of the ring (kv-ring.h): the same kernel, oldest key
// first.
#pragma once

#include "nn/graph-scope.h"

#include <cstdint>
#include <vector>

namespace kstt {

struct cached_attention_shape {
    int64_t   n_heads    = 0;  // query heads
    int64_t   n_kv_heads = 0;
    int64_t   head_dim   = 0;
    ggml_type type       = GGML_TYPE_F32;  // of the memory, F32 or F16
};

// One layer's memory: place p of a row at element (row * capacity + p % capacity) * n_kv_heads * head_dim.
struct kv_memory {
    void *  keys     = nullptr;
    void *  values   = nullptr;
    int64_t capacity = 0;
};

// What one run of a graph attends over. The nodes keep a pointer to it, so it is set anew before each run. A place is a
// position counted from the first one its cache has ever seen; it decides what is visible, while rotation is the
// caller's business (`rope`).
struct attention_span {
    std::vector<kv_memory> layers;
    int64_t                n_rows      = 0;
    int64_t                first_place = 0;        // of the run's first column
    int64_t                first_query = 0;        // of the first column of the whole pass, of which this run is a part
    int64_t                n_queries   = 0;        // columns of the whole pass
    int64_t                first_key   = 0;        // oldest place that is visible
    int64_t                n_keys      = 0;        // places from first_key to the end of the pass
    const uint8_t *        mask        = nullptr;  // [n_rows][n_keys], 0: never visible; or nullptr
    const int32_t *        sequences  = nullptr;  // [n_rows][n_queries], columns see those of equal numbers; or nullptr
    // Added to the scores; replaces the rule that no later place is visible. [bias_rows][bias_heads][n_queries][n_keys]
    const float *          bias       = nullptr;
    int64_t                bias_rows  = 1;  // 1 or n_rows
    int64_t                bias_heads = 1;  // 1 or n_heads
    // Where the weights go, per layer [n_rows][n_heads][n_queries][n_keys], zeroed; empty: nowhere.
    std::vector<float *>   weights;
    std::vector<float>     scratch;  // what build_cached_attention's nodes compute in; see fit_scratch

    // To be called before each run: room for the scores and biases of every thread.
    void fit_scratch(int32_t n_threads);
};

// q F32 [n_heads * head_dim, columns, n_rows]; k, v F32 [n_kv_heads * head_dim, columns, n_rows]; rope F32 [head_dim,
// columns, n_rows]. Writes rotated k and v into the layer's memory, then attends. A query that sees no key gives zeros,
// as torch's scaled_dot_product_attention does. -> F32 [n_heads * head_dim, columns, n_rows]
ggml_tensor * build_cached_attention(graph_scope &                  g,
                                     const cached_attention_shape & shape,
                                     attention_span &               span,
                                     int64_t                        layer,
                                     ggml_tensor *                  rope,
                                     ggml_tensor *                  q,
                                     ggml_tensor *                  k,
                                     ggml_tensor *                  v);

}  // namespace kstt
