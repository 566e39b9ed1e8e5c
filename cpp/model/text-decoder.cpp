#include "model/text-decoder.h"

#include "nn/embedding-sum.h"
#include "nn/linear.h"
#include "runtime/byte-archive.h"
#include "runtime/error.h"

#include <algorithm>

namespace kstt {

struct text_decoder::decoder_graph {
    decoder_graph(compute_backend & backend, size_t n_nodes, bool capture) : runner(backend, n_nodes, capture) {}

    graph_runner   runner;
    ggml_tensor *  ids = nullptr;  // I32 [1 + num_codebooks, n_columns * n_rows], rows of the table
    attention_rows rows;
    ggml_tensor *  logits = nullptr;  // F32 [output_vocab, n_columns, n_rows]
    ggml_tensor *  heads  = nullptr;  // F32 [num_extra_heads * extra_head_dim, n_columns, n_rows], if any
};

text_decoder::text_decoder(const decoder_weights & weights, const decoder_options & options, compute_backend & backend)
    : weights_(weights), options_(options), backend_(backend),
      rope_(weights.config.head_dim, weights.config.rope_theta, options.precision) {
    const decoder_config & config = weights.config;
    state_layout           layout;
    kv_ring_shape          ring;
    ring.n_heads    = config.num_attention_heads;
    ring.n_kv_heads = config.num_key_value_heads;
    ring.head_dim   = config.head_dim;
    ring.window     = config.sliding_window;
    if (options.max_steps > 0) {
        ring.window = std::min(ring.window, options.max_steps);
    }
    ring.capacity = ring.window + options.max_columns_per_call - 1;
    ring.type     = weights.ring_type;
    for (size_t l = 0; l < weights.blocks.size(); l++) {
        rings_.push_back(declare_kv_ring(layout, "decoder.layers." + std::to_string(l), ring));
    }
    arena_ = std::make_unique<state_arena>(layout, options.n_slots, backend.buffer_type());
    positions_.assign(static_cast<size_t>(options.n_slots), 0);
}

text_decoder::~text_decoder() = default;

void text_decoder::reset(int32_t slot) {
    arena_->reset(slot);
    positions_[static_cast<size_t>(slot)] = 0;
}

void text_decoder::rewind(int32_t slot, int64_t n) {
    int64_t & position = positions_[static_cast<size_t>(slot)];
    // Beyond that the ring has overwritten keys that would be seen again.
    KSTT_CHECK(n >= 0 && n < options_.max_columns_per_call && n <= position);
    position -= n;
}

void text_decoder::save(int32_t slot, byte_writer & out) const {
    int64_t position = positions_[static_cast<size_t>(slot)];
    out(position);
    arena_->save(slot, position, out);
}

void text_decoder::load(int32_t slot, byte_reader & in) {
    reset(slot);
    int64_t position = 0;
    in(position);
    if (position < 0) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: a position is negative");
    }
    arena_->load(slot, position, in);
    positions_[static_cast<size_t>(slot)] = position;
}

void text_decoder::build(decoder_graph & graph, int64_t n_columns, int64_t n_rows) const {
    const decoder_config & config = weights_.config;
    graph_scope &          g      = graph.runner.scope();
    graph.ids                     = g.input(GGML_TYPE_I32, "ids", 1 + config.num_codebooks, n_columns * n_rows);
    graph.rows.slots              = g.input(GGML_TYPE_I32, "slots", n_rows);
    graph.rows.positions          = g.input(GGML_TYPE_I32, "positions", n_rows);
    graph.rows.rope               = g.input(GGML_TYPE_F32, "rope", config.head_dim, n_columns, n_rows);

    ggml_tensor * x = build_embedding_sum(g, weights_.embed, graph.ids);
    x               = ggml_reshape_3d(g.context(), x, config.hidden_size, n_columns, n_rows);
    g.name(x, "decoder.embed");
    block_variant variant;
    variant.mlp = mlp_kind::swiglu;
    variant.eps = config.rms_norm_eps;
    for (size_t l = 0; l < weights_.blocks.size(); l++) {
        x = build_transformer_block(
            g, weights_.blocks[l], variant, rings_[l], *arena_, graph.rows, x, "decoder.layers." + std::to_string(l));
    }
    x            = g.name(build_norm(g, x, weights_.norm, nullptr, config.rms_norm_eps), "decoder.norm");
    graph.logits = g.output(g.name(build_linear(g, weights_.head, x), "decoder.logits"));
    if (weights_.extra_heads != nullptr) {
        graph.heads = g.output(g.name(build_linear(g, weights_.extra_heads, x), "decoder.heads"));
    }
    graph.runner.reserve();
}

text_decoder::decoder_graph & text_decoder::graph_for(int64_t n_columns, int64_t n_rows) {
    std::unique_ptr<decoder_graph> & graph = graphs_[{ n_columns, n_rows }];
    if (graph == nullptr) {
        auto fresh = std::make_unique<decoder_graph>(backend_, 48 * weights_.blocks.size() + 64, options_.capture);
        build(*fresh, n_columns, n_rows);
        graph = std::move(fresh);
    }
    return *graph;
}

const float * text_decoder::step(const decoder_call & call) {
    const decoder_config & config    = weights_.config;
    const auto             n_rows    = static_cast<int64_t>(call.slots.size());
    const int64_t          n_streams = 1 + config.num_codebooks;
    KSTT_CHECK(n_rows > 0 && call.n_columns > 0 && call.n_columns <= options_.max_columns_per_call);
    KSTT_CHECK(static_cast<int64_t>(call.ids.size()) == n_rows * call.n_columns * n_streams);
    KSTT_CHECK(options_.max_steps == 0 || positions_[static_cast<size_t>(call.slots.front())] < options_.max_steps);

    decoder_graph & graph = graph_for(call.n_columns, n_rows);
    for (size_t i = 0; i < call.ids.size(); i++) {
        static_cast<int32_t *>(graph.ids->data)[i] =
            embedding_row(weights_, static_cast<int64_t>(i) % n_streams, call.ids[i]);
    }
    for (int64_t row = 0; row < n_rows; row++) {
        const int32_t slot                                      = call.slots[static_cast<size_t>(row)];
        int64_t &     position                                  = positions_[static_cast<size_t>(slot)];
        static_cast<int32_t *>(graph.rows.slots->data)[row]     = slot;
        static_cast<int32_t *>(graph.rows.positions->data)[row] = static_cast<int32_t>(position);
        for (int64_t column = 0; column < call.n_columns; column++) {
            rope_.fill(position + column,
                       static_cast<float *>(graph.rows.rope->data) + (row * call.n_columns + column) * config.head_dim);
        }
        position += call.n_columns;
    }
    graph.runner.run();
    last_ = &graph;
    fill_probabilities(graph);
    return static_cast<const float *>(graph.logits->data);
}

void text_decoder::compute(const decoder_call & call, int64_t n_choices) {
    KSTT_CHECK(n_choices > 0 && n_choices <= weights_.config.output_vocab_size);
    step(call);
    n_choices_ = n_choices;
}

picked_token text_decoder::choice(int64_t column) const {
    const auto * all = static_cast<const float *>(last_->logits->data);
    return pick_greedy_with_probability(all + column * weights_.config.output_vocab_size, n_choices_);
}

const float * text_decoder::logits(int64_t column) {
    return static_cast<const float *>(last_->logits->data) + column * weights_.config.output_vocab_size;
}

void text_decoder::fill_probabilities(const decoder_graph & graph) {
    if (graph.heads == nullptr) {
        return;
    }
    softmax_groups(static_cast<const float *>(graph.heads->data),
                   static_cast<size_t>(ggml_nelements(graph.heads)),
                   static_cast<size_t>(weights_.config.extra_head_dim),
                   probabilities_);
}

const std::vector<ggml_tensor *> & text_decoder::captured() const {
    KSTT_CHECK(last_ != nullptr);
    return last_->runner.scope().named();
}

}  // namespace kstt
