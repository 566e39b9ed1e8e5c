#include "model/mimi-decoder.h"

#include "nn/codebook-sum.h"
#include "runtime/error.h"

#include <algorithm>
#include <utility>

namespace kstt {

struct mimi_decoder::decoder_graph {
    decoder_graph(compute_backend & backend, size_t n_nodes, bool capture) : runner(backend, n_nodes, capture) {}

    graph_runner   runner;
    ggml_tensor *  codes = nullptr;  // I32 [n_codes, n_frames, n_rows]
    stream_rows    rows;
    attention_rows attention;
    ggml_tensor *  pcm = nullptr;  // F32 [1, n_samples, n_rows]
};

namespace {

codec_transformer_options transformer_options(const mimi_decoder_options & options) {
    // As transformers' decode(): there is no streaming reference whose rounding or window would differ from it.
    return { options.max_frames_per_call, true, rope_precision::reference };
}

}  // namespace

mimi_decoder::mimi_decoder(const mimi_decoder_weights & weights,
                           const mimi_decoder_options & options,
                           compute_backend &            backend)
    : weights_(weights), options_(options), backend_(backend),
      upsample_state_(declare_conv1d_state(layout_, weights.upsample.name, weights.upsample.conv.shape)),
      transformer_(weights.config, weights.blocks, transformer_options(options), "codec.decoder.transformer", layout_),
      seanet_(weights.seanet, layout_),
      arena_(std::make_unique<state_arena>(layout_, options.n_slots, backend.buffer_type())), clock_(options.n_slots) {}

mimi_decoder::~mimi_decoder() = default;

void mimi_decoder::reset(int32_t slot) {
    arena_->reset(slot);
    clock_.set(slot, 0, 0);
}

void mimi_decoder::build(decoder_graph & graph, const graph_key & key) const {
    const codec_config & config              = weights_.config;
    graph_scope &        g                   = graph.runner.scope();
    const auto & [n_frames, n_rows, n_codes] = key;
    graph.codes                              = g.input(GGML_TYPE_I32, "codes", n_codes, n_frames, n_rows);
    graph.rows.slots                         = g.input(GGML_TYPE_I32, "slots", n_rows);
    graph.rows.positions                     = g.input(GGML_TYPE_I32, "frames", n_rows);
    graph.attention.slots                    = graph.rows.slots;
    graph.attention.positions                = g.input(GGML_TYPE_I32, "columns", n_rows);

    const int64_t n_semantic = std::min<int64_t>(n_codes, config.num_semantic_quantizers);
    ggml_tensor * x =
        build_codebook_sum(g, weights_.semantic_codebooks, weights_.semantic_proj, graph.codes, 0, n_semantic, nullptr);
    if (n_codes > n_semantic) {
        x = build_codebook_sum(
            g, weights_.acoustic_codebooks, weights_.acoustic_proj, graph.codes, n_semantic, n_codes - n_semantic, x);
    }
    g.name(x, "codec.decoder.latent");
    x = build_streaming_conv1d(g, weights_.upsample.conv, *arena_, upsample_state_, graph.rows, x);
    x = unfold_columns(g, x, weights_.upsample.unfold);
    g.name(x, weights_.upsample.name);
    graph.attention.rope = g.input(GGML_TYPE_F32, "rope", config.head_dim, x->ne[1], n_rows);
    x                    = transformer_.build(g, *arena_, graph.attention, x);
    graph.pcm            = g.output(seanet_.build(g, *arena_, graph.rows, x, false));
    graph.runner.reserve();
}

mimi_decoder::decoder_graph & mimi_decoder::graph_for(const graph_key & key) {
    std::unique_ptr<decoder_graph> & graph = graphs_[key];
    if (graph == nullptr) {
        const size_t n_nodes = 8 * weights_.seanet.size() + 24 * weights_.blocks.size() +
                               2 * static_cast<size_t>(weights_.config.num_quantizers) + 64;
        auto fresh = std::make_unique<decoder_graph>(backend_, 2 * n_nodes, options_.capture);
        build(*fresh, key);
        graph = std::move(fresh);
    }
    return *graph;
}

void mimi_decoder::fill(decoder_graph & graph, const mimi_decode_call & call) {
    for (size_t row = 0; row < call.slots.size(); row++) {
        const int32_t slot                                      = call.slots[row];
        static_cast<int32_t *>(graph.rows.slots->data)[row]     = slot;
        static_cast<int32_t *>(graph.rows.positions->data)[row] = static_cast<int32_t>(clock_.frames(slot));
        transformer_.fill(graph.attention, static_cast<int64_t>(row), columns(slot));
        auto * to =
            static_cast<int32_t *>(graph.codes->data) + static_cast<int64_t>(row) * call.n_frames * call.n_codes;
        for (int64_t frame = 0; frame < call.n_frames; frame++) {
            for (int64_t j = 0; j < call.n_codes; j++) {
                const int32_t code = call.codes[row][j * call.stride + frame];
                KSTT_CHECK(code >= 0 && code < weights_.config.codebook_size);
                *to++ = code;
            }
        }
        clock_.advance(slot, call.n_frames);
    }
}

const float * mimi_decoder::decode(const mimi_decode_call & call) {
    KSTT_CHECK(!call.slots.empty() && call.codes.size() == call.slots.size());
    KSTT_CHECK(call.n_frames > 0 && call.n_frames <= options_.max_frames_per_call && call.stride >= call.n_frames);
    KSTT_CHECK(call.n_codes > 0 && call.n_codes <= weights_.config.num_quantizers);
    decoder_graph & graph = graph_for({ call.n_frames, static_cast<int64_t>(call.slots.size()), call.n_codes });
    fill(graph, call);
    graph.runner.run();
    last_ = &graph;
    return static_cast<const float *>(graph.pcm->data);
}

const std::vector<ggml_tensor *> & mimi_decoder::captured() const {
    KSTT_CHECK(last_ != nullptr);
    return last_->runner.scope().named();
}

}  // namespace kstt
