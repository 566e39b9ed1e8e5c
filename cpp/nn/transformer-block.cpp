#include "nn/transformer-block.h"

#include "nn/gelu.h"
#include "nn/linear.h"

namespace kstt {

namespace {

linear_options with_bias(ggml_tensor * bias) {
    linear_options options;
    options.bias = bias;
    return options;
}

linear_options into_stream(ggml_tensor * bias, ggml_tensor * scale, ggml_tensor * residual) {
    linear_options options;
    options.bias     = bias;
    options.scale    = scale;
    options.residual = residual;
    return options;
}

}  // namespace

ggml_tensor * build_transformer_block(graph_scope &             g,
                                      const block_weights &     weights,
                                      const block_variant &     variant,
                                      const attention_builder & attend,
                                      ggml_tensor *             x,
                                      const std::string &       name) {
    ggml_tensor * h = build_norm(g, x, weights.attn_norm, weights.attn_norm_bias, variant.eps);
    ggml_tensor * q = build_linear(g, weights.q, h, with_bias(weights.q_bias));
    ggml_tensor * k = build_linear(g, weights.k, h, with_bias(weights.k_bias));
    ggml_tensor * v = build_linear(g, weights.v, h, with_bias(weights.v_bias));
    ggml_tensor * a = attend(q, k, v);
    x               = build_linear(g, weights.o, a, into_stream(weights.o_bias, weights.attn_scale, x));
    g.name(x, name + ".attn_out");

    h = build_norm(g, x, weights.mlp_norm, weights.mlp_norm_bias, variant.eps);
    h = build_linear(g, weights.fc1, h);
    h = variant.mlp == mlp_kind::swiglu ? ggml_swiglu(g.context(), h) : build_gelu(g, h);
    x = build_linear(g, weights.fc2, h, into_stream(nullptr, weights.mlp_scale, x));
    return g.name(x, name + ".out");
}

ggml_tensor * build_transformer_block(graph_scope &          g,
                                      const block_weights &  weights,
                                      const block_variant &  variant,
                                      const kv_ring &        ring,
                                      const state_arena &    state,
                                      const attention_rows & rows,
                                      ggml_tensor *          x,
                                      const std::string &    name) {
    const auto attend = [&](ggml_tensor * q, ggml_tensor * k, ggml_tensor * v) {
        return build_ring_attention(g, ring, state, rows, q, k, v);
    };
    return build_transformer_block(g, weights, variant, attend, x, name);
}

}  // namespace kstt
