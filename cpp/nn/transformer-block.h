// The one attention + MLP block. Mimi's (LayerNorm, GELU, LayerScale) and the decoder's (RMSNorm, SwiGLU) are variants.
#pragma once

#include "nn/kv-ring.h"
#include "nn/norm.h"

#include <functional>

namespace kstt {

enum class mlp_kind {
    gelu,   // fc2(gelu_erf(fc1(x)))
    swiglu  // fc2(silu(first half of fc1(x)) * second half)
};

// Optional members are nullptr where a variant lacks them. Linear weights are [n_in, n_out].
struct block_weights {
    ggml_tensor * attn_norm      = nullptr;  // F32 [hidden]
    ggml_tensor * attn_norm_bias = nullptr;  // F32 [hidden]; present: LayerNorm, absent: RMSNorm
    ggml_tensor * q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr;
    ggml_tensor * q_bias = nullptr, *k_bias = nullptr, *v_bias = nullptr, *o_bias = nullptr;
    ggml_tensor * attn_scale    = nullptr;  // LayerScale, F32 [hidden]
    ggml_tensor * mlp_norm      = nullptr;
    ggml_tensor * mlp_norm_bias = nullptr;
    ggml_tensor * fc1           = nullptr;
    ggml_tensor * fc2           = nullptr;
    ggml_tensor * mlp_scale     = nullptr;
};

struct block_variant {
    mlp_kind mlp = mlp_kind::swiglu;
    float    eps = 1e-8F;
};

// From projected queries, keys and values, before rotation, to the heads' outputs; shapes as build_ring_attention's.
using attention_builder = std::function<ggml_tensor *(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v)>;

// x F32 [hidden, columns, n_rows] -> same shape. `name` prefixes the node names: <name>.attn_out, <name>.out.
ggml_tensor * build_transformer_block(graph_scope &             g,
                                      const block_weights &     weights,
                                      const block_variant &     variant,
                                      const attention_builder & attend,
                                      ggml_tensor *             x,
                                      const std::string &       name);

// The same with attention over a ring.
ggml_tensor * build_transformer_block(graph_scope &          g,
                                      const block_weights &  weights,
                                      const block_variant &  variant,
                                      const kv_ring &        ring,
                                      const state_arena &    state,
                                      const attention_rows & rows,
                                      ggml_tensor *          x,
                                      const std::string &    name);

}  // namespace kstt
