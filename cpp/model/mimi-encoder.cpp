#include "model/mimi-encoder.h"

#include "runtime/byte-archive.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {

struct mimi_encoder::encoder_graph {
    encoder_graph(compute_backend & backend, size_t n_nodes, bool capture) : runner(backend, n_nodes, capture) {}

    graph_runner   runner;
    ggml_tensor *  pcm = nullptr;  // F32 [1, n_samples, n_rows]
    stream_rows    rows;
    attention_rows attention;
    ggml_tensor *  codes = nullptr;  // I32 [n_quantizers, frames * n_rows]
};

mimi_encoder::mimi_encoder(const mimi_weights & weights, const mimi_options & options, compute_backend & backend)
    : weights_(weights), options_(options), backend_(backend), seanet_(weights.seanet, layout_),
      transformer_(weights.config,
                   weights.blocks,
                   { options.max_frames_per_call, options.uniform_window, options.precision },
                   "codec.transformer",
                   layout_),
      clock_(options.n_slots) {
    if (weights.downsample) {
        downsample_state_ = declare_conv1d_state(layout_, "codec.downsample", weights.downsample->shape);
    }
    arena_ = std::make_unique<state_arena>(layout_, options.n_slots, backend.buffer_type());
}

mimi_encoder::~mimi_encoder() = default;

void mimi_encoder::reset(int32_t slot) {
    arena_->reset(slot);
    clock_.set(slot, 0, 0);
}

void mimi_encoder::save(int32_t slot, byte_writer & out) const {
    int64_t position = clock_.frames(slot);
    int64_t start    = clock_.attention_start(slot);
    out(position, start);
    arena_->save(slot, columns(slot), out);
}

void mimi_encoder::load(int32_t slot, byte_reader & in) {
    reset(slot);
    int64_t position = 0;
    int64_t start    = 0;
    in(position, start);
    if (start < 0 || position < start) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: a position is impossible");
    }
    arena_->load(slot, (position - start) * weights_.config.columns_per_frame(), in);
    clock_.set(slot, position, start);
}

void mimi_encoder::build(encoder_graph & graph, int64_t n_samples, int64_t n_rows, bool pad_right) const {
    const codec_config & config = weights_.config;
    graph_scope &        g      = graph.runner.scope();
    graph.pcm                   = g.input(GGML_TYPE_F32, "pcm", 1, n_samples, n_rows);
    graph.rows.slots            = g.input(GGML_TYPE_I32, "slots", n_rows);
    graph.rows.positions        = g.input(GGML_TYPE_I32, "frames", n_rows);
    graph.attention.slots       = graph.rows.slots;
    graph.attention.positions   = g.input(GGML_TYPE_I32, "columns", n_rows);

    ggml_tensor * x      = seanet_.build(g, *arena_, graph.rows, graph.pcm, pad_right);
    graph.attention.rope = g.input(GGML_TYPE_F32, "rope", config.head_dim, x->ne[1], n_rows);
    x                    = transformer_.build(g, *arena_, graph.attention, x);
    if (weights_.downsample) {
        conv1d_options options;
        options.pad_right = pad_right;
        x = build_streaming_conv1d(g, *weights_.downsample, *arena_, downsample_state_, graph.rows, x, options);
        g.name(x, "codec.downsample");
    }
    graph.codes = g.input(GGML_TYPE_I32, "codes", config.num_quantizers, x->ne[1] * n_rows);
    ggml_set_output(graph.codes);
    g.output(build_residual_vq(g, weights_.semantic, x, graph.codes, 0, "codec.semantic"));
    if (!weights_.acoustic.codebooks.empty()) {
        g.output(
            build_residual_vq(g, weights_.acoustic, x, graph.codes, config.num_semantic_quantizers, "codec.acoustic"));
    }
    graph.runner.reserve();
}

mimi_encoder::encoder_graph & mimi_encoder::graph_for(int64_t n_samples, int64_t n_rows, bool pad_right) {
    std::unique_ptr<encoder_graph> & graph = graphs_[{ pad_right ? -n_samples : n_samples, n_rows }];
    if (graph == nullptr) {
        const size_t n_nodes = 8 * weights_.seanet.size() + 24 * weights_.blocks.size() +
                               4 * static_cast<size_t>(weights_.config.num_quantizers) + 64;
        auto fresh = std::make_unique<encoder_graph>(backend_, 2 * n_nodes, options_.capture);
        build(*fresh, n_samples, n_rows, pad_right);
        graph = std::move(fresh);
    }
    return *graph;
}

void mimi_encoder::encode(const mimi_call & call, std::vector<int32_t> & codes) {
    const codec_config & config = weights_.config;
    const auto           n_rows = static_cast<int64_t>(call.slots.size());
    KSTT_CHECK(n_rows > 0 && call.pcm.size() == call.slots.size() && call.n_samples > 0);
    KSTT_CHECK(call.pad_right || call.n_samples % config.frame_size() == 0);
    KSTT_CHECK(call.n_samples <= static_cast<int64_t>(options_.max_frames_per_call) * config.frame_size());

    encoder_graph & graph    = graph_for(call.n_samples, n_rows, call.pad_right);
    const int64_t   n_frames = graph.codes->ne[1] / n_rows;
    for (int64_t row = 0; row < n_rows; row++) {
        const int32_t slot                                      = call.slots[static_cast<size_t>(row)];
        static_cast<int32_t *>(graph.rows.slots->data)[row]     = slot;
        static_cast<int32_t *>(graph.rows.positions->data)[row] = static_cast<int32_t>(clock_.frames(slot));
        transformer_.fill(graph.attention, row, columns(slot));
        std::memcpy(static_cast<float *>(graph.pcm->data) + row * call.n_samples,
                    call.pcm[static_cast<size_t>(row)],
                    static_cast<size_t>(call.n_samples) * sizeof(float));
        clock_.advance(slot, n_frames);
    }
    graph.runner.run();
    const auto * result = static_cast<const int32_t *>(graph.codes->data);
    codes.assign(result, result + ggml_nelements(graph.codes));
    last_ = &graph;
}

const std::vector<ggml_tensor *> & mimi_encoder::captured() const {
    KSTT_CHECK(last_ != nullptr);
    return last_->runner.scope().named();
}

}  // namespace kstt
