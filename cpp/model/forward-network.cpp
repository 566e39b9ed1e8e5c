#include "model/forward-network.h"

#include "nn/embedding-sum.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace kstt {

namespace {

// Graphs kept: whole chunks, single steps and a few remainders; beyond that they are built anew.
constexpr size_t max_graphs = 6;

}  // namespace

struct forward_network::layers_graph {
    layers_graph(compute_backend & backend, size_t n_nodes) : runner(backend, n_nodes, false) {}

    graph_runner               runner;
    ggml_tensor *              ids    = nullptr;  // I32 [n_streams, n_columns * n_rows]
    ggml_tensor *              embeds = nullptr;  // F32 [hidden, n_columns, n_rows]
    ggml_tensor *              rope   = nullptr;  // F32 [head_dim, n_columns, n_rows]
    std::vector<ggml_tensor *> inputs;            // of the layers, F32 [hidden, n_columns, n_rows]
    ggml_tensor *              norm = nullptr;    // F32 [hidden, n_columns, n_rows]
};

struct forward_network::head_graph {
    explicit head_graph(compute_backend & backend) : runner(backend, 16, false) {}

    graph_runner  runner;
    ggml_tensor * x      = nullptr;  // F32 [hidden, n_columns]
    ggml_tensor * logits = nullptr;  // F32 [output_vocab, n_columns]
};

forward_network::forward_network(const decoder_weights & weights, compute_backend & backend)
    : weights_(weights), backend_(backend),
      rope_(weights.config.head_dim, weights.config.rope_theta, rope_precision::reference) {}

forward_network::~forward_network() = default;

void forward_network::build(layers_graph & graph, const forward_chunk & chunk) {
    const decoder_config & config = weights_.config;
    graph_scope &          g      = graph.runner.scope();
    ggml_tensor *          x      = nullptr;
    if (chunk.ids != nullptr) {
        graph.ids = g.input(GGML_TYPE_I32, "ids", chunk.n_streams, chunk.n_columns * chunk.n_rows);
        x         = build_embedding_sum(g, weights_.embed, graph.ids);
        // Marked itself: a view that is an output does not keep what it views.
        x         = chunk.hidden_states ? g.output(x) : x;
        x         = ggml_reshape_3d(g.context(), x, config.hidden_size, chunk.n_columns, chunk.n_rows);
    } else {
        graph.embeds = g.input(GGML_TYPE_F32, "embeds", config.hidden_size, chunk.n_columns, chunk.n_rows);
        x            = graph.embeds;
    }
    graph.rope = g.input(GGML_TYPE_F32, "rope", config.head_dim, chunk.n_columns, chunk.n_rows);
    block_variant variant;
    variant.mlp = mlp_kind::swiglu;
    variant.eps = config.rms_norm_eps;
    cached_attention_shape shape;
    shape.n_heads    = config.num_attention_heads;
    shape.n_kv_heads = config.num_key_value_heads;
    shape.head_dim   = config.head_dim;
    shape.type       = weights_.ring_type;
    for (size_t l = 0; l < weights_.blocks.size(); l++) {
        if (chunk.hidden_states) {
            graph.inputs.push_back(g.output(x));
        }
        const auto attend = [&](ggml_tensor * q, ggml_tensor * k, ggml_tensor * v) {
            return build_cached_attention(g, shape, span_, static_cast<int64_t>(l), graph.rope, q, k, v);
        };
        x = build_transformer_block(g, weights_.blocks[l], variant, attend, x, "forward.layers." + std::to_string(l));
    }
    graph.norm = g.output(build_norm(g, x, weights_.norm, nullptr, config.rms_norm_eps));
    graph.runner.reserve();
}

forward_network::layers_graph & forward_network::graph_for(const forward_chunk & chunk) {
    const graph_key key = {
        chunk.n_columns, chunk.n_rows, chunk.ids != nullptr ? chunk.n_streams : 0, chunk.hidden_states
    };
    const auto found = graphs_.find(key);
    if (found != graphs_.end()) {
        return *found->second;
    }
    if (graphs_.size() >= max_graphs) {
        graphs_.clear();
        last_ = nullptr;
    }
    auto fresh = std::make_unique<layers_graph>(backend_, 48 * weights_.blocks.size() + 64);
    build(*fresh, chunk);
    return *graphs_.emplace(key, std::move(fresh)).first->second;
}

void forward_network::fill(layers_graph & graph, const forward_chunk & chunk) {
    const auto columns  = static_cast<size_t>(chunk.n_columns);
    const auto hidden   = static_cast<size_t>(weights_.config.hidden_size);
    const auto head_dim = static_cast<size_t>(weights_.config.head_dim);
    for (int64_t row = 0; row < chunk.n_rows; row++) {
        const auto first = static_cast<size_t>(row) * columns;
        if (chunk.ids != nullptr) {
            const size_t n = columns * static_cast<size_t>(chunk.n_streams);
            std::copy_n(chunk.ids + row * chunk.row_stride,
                        n,
                        static_cast<int32_t *>(graph.ids->data) + static_cast<size_t>(row) * n);
        } else {
            std::copy_n(chunk.embeds + row * chunk.row_stride,
                        columns * hidden,
                        static_cast<float *>(graph.embeds->data) + first * hidden);
        }
        for (size_t column = 0; column < columns; column++) {
            rope_.fill(chunk.positions[row * chunk.position_stride + static_cast<int64_t>(column)],
                       static_cast<float *>(graph.rope->data) + (first + column) * head_dim);
        }
    }
}

void forward_network::run(const forward_chunk & chunk, attention_span & span) {
    KSTT_CHECK((chunk.ids != nullptr) != (chunk.embeds != nullptr) && chunk.positions != nullptr);
    KSTT_CHECK(span.layers.size() == weights_.blocks.size());
    layers_graph & graph = graph_for(chunk);
    fill(graph, chunk);
    // Swapped and not copied: the scratch memory stays.
    std::swap(span_, span);
    span_.fit_scratch(backend_.n_threads());
    graph.runner.run();
    std::swap(span_, span);
    last_ = &graph;
}

const float * forward_network::hidden_state(int64_t i) const {
    KSTT_CHECK(last_ != nullptr);
    const auto n_layers = static_cast<int64_t>(weights_.blocks.size());
    KSTT_CHECK(i == n_layers || (i < n_layers && !last_->inputs.empty()));
    const ggml_tensor * tensor = i == n_layers ? last_->norm : last_->inputs[static_cast<size_t>(i)];
    return static_cast<const float *>(tensor->data);
}

forward_network::head_graph & forward_network::head_for(int64_t n) {
    const auto found = heads_.find(n);
    if (found != heads_.end()) {
        return *found->second;
    }
    if (heads_.size() >= max_graphs) {
        heads_.clear();
    }
    auto          fresh = std::make_unique<head_graph>(backend_);
    graph_scope & g     = fresh->runner.scope();
    fresh->x            = g.input(GGML_TYPE_F32, "x", weights_.config.hidden_size, n);
    fresh->logits       = g.output(build_linear(g, weights_.head, fresh->x));
    fresh->runner.reserve();
    return *heads_.emplace(n, std::move(fresh)).first->second;
}

void forward_network::logits(const float * x, int64_t n, float * out) {
    const decoder_config & config = weights_.config;
    head_graph &           graph  = head_for(n);
    std::memcpy(graph.x->data, x, static_cast<size_t>(n * config.hidden_size) * sizeof(float));
    graph.runner.run();
    std::memcpy(out, graph.logits->data, static_cast<size_t>(n * config.output_vocab_size) * sizeof(float));
}

}  // namespace kstt
