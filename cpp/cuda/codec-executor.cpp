#include "cuda/codec-executor.h"

#include "cuda/decoder-executor.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>

namespace kstt::gpu {

namespace {

// Frames of a pass over all rows: enough to fill a large card; a frame of the published codec takes 2 MB.
constexpr int32_t frames_per_pass = 64;

// Room for the list of a pass's convolutions with a context.
constexpr int64_t max_contexts   = 128;
constexpr int64_t context_floats = max_contexts * static_cast<int64_t>(sizeof(context_entry) / sizeof(float));

}  // namespace

// What a pass of one shape works in, and its launch sequence. Passes of one shape follow one another on the stream, so
// that they can share all of it; only what the host fills and reads comes in two sets, used by turns.
struct codec_executor::pass {
    int32_t                    n_rows    = 0;
    int64_t                    n_samples = 0;
    bool                       pad_right = false;
    int32_t                    columns   = 0;  // of the transformer, per row
    int32_t                    n_frames  = 0;  // per row
    std::vector<device_memory> memory;
    size_t                     n_taken = 0;
    std::vector<context_entry> contexts;
    float *                    pcm      = nullptr;
    int32_t *                  slots    = nullptr;  // slots, frame positions, attention positions: [3][n_rows]
    float *                    rope     = nullptr;
    float *                    normed   = nullptr;
    float *                    qkv      = nullptr;
    float *                    attended = nullptr;
    float *                    mlp      = nullptr;
    float *                    partials = nullptr;
    uint32_t *                 counters = nullptr;
    int32_t *                  codes    = nullptr;  // [row][frame][n_quantizers]
    std::unique_ptr<recording> work;
};

codec_executor::codec_executor(const device_weights & weights, const mimi_options & options, int32_t n_processors)
    : weights_(weights), config_(weights.model().config.codec), options_(options), n_processors_(n_processors),
      clock_(options.n_slots) {
    rows_per_pass_ = std::min(options.n_slots, frames_per_pass);
    capacity_      = config_.sliding_window + options.max_frames_per_call * config_.columns_per_frame() - 1;
    rings_shape shape;
    shape.kind       = ring_kind::f32;
    shape.n_layers   = config_.num_hidden_layers;
    shape.n_slots    = options.n_slots;
    shape.n_kv_heads = config_.num_key_value_heads;
    shape.head_dim   = config_.head_dim;
    shape.capacity   = capacity_;
    rings_           = std::make_unique<slot_rings>(shape);
    for (const device_seanet_layer & layer : weights.codec().seanet) {
        const int32_t conv = declare_state(layer.conv.shape);
        seanet_states_.emplace_back(conv, layer.is_residual ? declare_state(layer.pointwise.shape) : -1);
    }
    if (weights.model().mimi.downsample) {
        downsample_state_ = declare_state(weights.codec().downsample.shape);
    }
    const rope_table table(config_.head_dim, config_.rope_theta, options.precision);
    frequencies_ = device_memory(table.frequencies().size() * sizeof(double));
    stream_.upload(frequencies_.as<void>(), table.frequencies().data(), frequencies_.n_bytes());
    stream_.wait();
}

codec_executor::~codec_executor() = default;

int32_t codec_executor::declare_state(const conv1d_shape & shape) {
    if (shape.context() <= 0) {
        return -1;
    }
    context_state state;
    state.n_floats = shape.context() * shape.n_in;
    state.memory   = device_memory(static_cast<size_t>(options_.n_slots * state.n_floats) * sizeof(float));
    states_.push_back(std::move(state));
    return static_cast<int32_t>(states_.size()) - 1;
}

size_t codec_executor::state_bytes() const {
    size_t n = rings_->n_bytes();
    for (const context_state & state : states_) {
        n += state.memory.n_bytes();
    }
    return n;
}

// The pass's pieces of memory in the order of asking: made the first time, the same ones after that.
float * codec_executor::take(pass & to, int64_t n_floats) const {
    if (to.n_taken == to.memory.size()) {
        to.memory.emplace_back(static_cast<size_t>(std::max<int64_t>(n_floats, 1)) * sizeof(float));
    }
    return to.memory[to.n_taken++].as<float>();
}

codec_executor::signal codec_executor::add_convolution(pass &                     to,
                                                       const device_convolution & conv,
                                                       int32_t                    state,
                                                       const signal &             x,
                                                       bool                       elu,
                                                       const float *              residual) const {
    const conv1d_shape & shape = conv.shape;
    KSTT_CHECK(x.channels == shape.n_in && (to.pad_right || x.columns % shape.stride == 0));
    signal y;
    y.columns  = static_cast<int32_t>((x.columns + shape.stride - 1) / shape.stride);
    y.channels = static_cast<int32_t>(shape.n_out);
    y.values   = take(to, int64_t{ to.n_rows } * y.columns * y.channels);
    f32_call call;
    call.w                 = conv.weight;
    window_source & source = call.source;
    source.x               = x.values;
    source.slots           = to.slots;
    source.positions       = to.slots + to.n_rows;
    source.n_in            = x.channels;
    source.x_stride        = x.channels;
    source.columns         = x.columns;
    source.stride          = static_cast<int32_t>(shape.stride);
    source.dilation        = static_cast<int32_t>(shape.dilation);
    source.context         = static_cast<int32_t>(shape.context());
    source.elu             = elu;
    source.replicate       = shape.padding == pad_mode::replicate;
    if (state >= 0) {
        float * memory = states_[static_cast<size_t>(state)].memory.as<float>();
        source.state   = memory;
        to.contexts.push_back({ source, memory });
    }
    call.n_rows      = to.n_rows;
    call.out_columns = y.columns;
    call.bias        = conv.bias;
    call.residual    = residual;
    call.y           = y.values;
    call.y_stride    = y.channels;
    launch_f32_product(stream_, call);
    return y;
}

codec_executor::signal codec_executor::add_seanet(pass & to, signal x) const {
    const auto & layers = weights_.codec().seanet;
    for (size_t i = 0; i < layers.size(); i++) {
        const device_seanet_layer & layer = layers[i];
        const auto [conv, pointwise]      = seanet_states_[i];
        if (!layer.is_residual) {
            x = add_convolution(to, layer.conv, conv, x, layer.elu_first, nullptr);
            continue;
        }
        const signal shortcut = layer.has_shortcut ? add_convolution(to, layer.shortcut, -1, x, false, nullptr) : x;
        const signal hidden   = add_convolution(to, layer.conv, conv, x, true, nullptr);
        x                     = add_convolution(to, layer.pointwise, pointwise, hidden, true, shortcut.values);
    }
    return x;
}

void codec_executor::add_product(
    pass & to, const device_matrix & w, const signal & x, const norm_call & norm, f32_call call) const {
    call.w               = w;
    call.source.x        = x.values;
    call.source.n_in     = x.channels;
    call.source.x_stride = x.channels;
    call.source.columns  = to.n_rows * x.columns;
    call.out_columns     = call.source.columns;
    call.norm            = norm;
    call.normed          = to.normed;
    call.y_stride        = static_cast<int32_t>(w.shape.n_out);
    launch_f32_product(stream_, call);
}

void codec_executor::add_block(pass & to, int32_t layer, const signal & x) const {
    const device_block & w       = weights_.codec().blocks[static_cast<size_t>(layer)];
    const int32_t        q_width = config_.num_attention_heads * config_.head_dim;
    const float          eps     = config_.norm_eps;
    f32_call             qkv;
    qkv.bias = w.qkv_bias;
    qkv.y    = to.qkv;
    add_product(to, w.qkv, x, { w.attn_norm, w.attn_norm_bias, eps }, qkv);

    attention_call attention;
    attention.qkv        = to.qkv;
    attention.rope       = to.rope;
    attention.slots      = to.slots;
    attention.positions  = to.slots + ptrdiff_t{ 2 } * to.n_rows;
    attention.keys       = rings_->keys(layer);
    attention.values     = rings_->values(layer);
    attention.kind       = ring_kind::f32;
    attention.qkv_stride = static_cast<int32_t>(w.qkv.shape.n_out);
    attention.n_rows     = to.n_rows;
    attention.per_row    = to.columns;
    attention.n_heads    = config_.num_attention_heads;
    attention.n_kv_heads = config_.num_key_value_heads;
    attention.head_dim   = config_.head_dim;
    attention.window     = config_.sliding_window;
    attention.group      = options_.uniform_window ? 1 : config_.columns_per_frame();
    attention.capacity   = capacity_;
    attention.out        = to.attended;
    attention.out_stride = q_width;
    attention.partials   = to.partials;
    attention.counters   = to.counters;
    launch_attention(stream_, attention);

    f32_call o;
    o.bias     = w.o_bias;
    o.scale    = w.attn_scale;
    o.residual = x.values;
    o.y        = x.values;
    add_product(to, w.o, { to.attended, x.columns, q_width }, {}, o);
    f32_call fc1;
    fc1.gelu = true;
    fc1.y    = to.mlp;
    add_product(to, w.fc1, x, { w.mlp_norm, w.mlp_norm_bias, eps }, fc1);
    f32_call fc2;
    fc2.scale    = w.mlp_scale;
    fc2.residual = x.values;
    fc2.y        = x.values;
    add_product(to, w.fc2, { to.mlp, x.columns, static_cast<int32_t>(w.fc1.shape.n_out) }, {}, fc2);
}

void codec_executor::add_quantizer(pass & to, const signal & x) const {
    const codec_device_weights & w        = weights_.codec();
    const int32_t                n_frames = to.n_rows * to.n_frames;
    codebook_call                call;
    call.entries     = w.entries;
    call.half_norm   = w.half_norm;
    call.n_frames    = n_frames;
    call.n_codebooks = config_.num_quantizers;
    call.n_semantic  = config_.num_semantic_quantizers;
    call.n_entries   = w.n_entries;
    call.dim         = w.dim;
    call.semantic    = x.values;
    call.acoustic    = x.values;
    call.stride      = x.channels;
    if (w.has_proj) {
        f32_call semantic;
        f32_call acoustic;
        semantic.y = take(to, int64_t{ n_frames } * w.dim);
        acoustic.y = take(to, int64_t{ n_frames } * w.dim);
        add_product(to, w.semantic_proj, x, {}, semantic);
        add_product(to, w.acoustic_proj, x, {}, acoustic);
        call.semantic = semantic.y;
        call.acoustic = acoustic.y;
        call.stride   = w.dim;
    }
    const codebook_plan plan = plan_codebooks(n_frames, n_processors_);
    const auto          n    = static_cast<int64_t>(codebook_scratch(plan));
    call.codes               = to.codes;
    call.scores              = take(to, n);
    call.winners             = reinterpret_cast<int32_t *>(take(to, n));
    call.counters            = reinterpret_cast<uint32_t *>(take(to, plan.n_groups));
    launch_codebooks(stream_, call, plan);
}

void codec_executor::launch_pass(pass & to, bool is_first) const {
    to.n_taken = 0;
    to.contexts.clear();
    const int64_t n_columns = int64_t{ to.n_rows } * to.columns;
    const int32_t q_width   = config_.num_attention_heads * config_.head_dim;
    const int32_t width     = q_width + 2 * config_.num_key_value_heads * config_.head_dim;
    to.pcm                  = take(to, to.n_rows * to.n_samples);
    to.slots                = reinterpret_cast<int32_t *>(take(to, int64_t{ 3 } * to.n_rows));
    to.rope                 = take(to, n_columns * config_.head_dim);
    to.normed               = take(to, n_columns * config_.hidden_size);
    to.qkv                  = take(to, n_columns * width);
    to.attended             = take(to, n_columns * q_width);
    to.mlp                  = take(to, n_columns * config_.intermediate_size);
    to.partials             = take(to,
                       static_cast<int64_t>(attention_scratch(
                           n_columns, config_.num_attention_heads, config_.head_dim, config_.sliding_window)));
    to.counters             = reinterpret_cast<uint32_t *>(take(to, n_columns * config_.num_attention_heads));
    to.codes = reinterpret_cast<int32_t *>(take(to, int64_t{ to.n_rows } * to.n_frames * config_.num_quantizers));

    rope_call rope;
    rope.frequencies = frequencies_.as<double>();
    rope.positions   = to.slots + ptrdiff_t{ 2 } * to.n_rows;
    rope.n_columns   = static_cast<int32_t>(n_columns);
    rope.per_row     = to.columns;
    rope.head_dim    = config_.head_dim;
    rope.reference   = options_.precision == rope_precision::reference;
    rope.table       = to.rope;
    launch_rope_table(stream_, rope);
    signal x = add_seanet(to, { to.pcm, static_cast<int32_t>(to.n_samples), 1 });
    KSTT_CHECK(x.columns == to.columns);
    for (int32_t layer = 0; layer < config_.num_hidden_layers; layer++) {
        add_block(to, layer, x);
    }
    if (weights_.model().mimi.downsample) {
        x = add_convolution(to, weights_.codec().downsample, downsample_state_, x, false, nullptr);
    }
    KSTT_CHECK(x.columns == to.n_frames);
    add_quantizer(to, x);
    auto * entries = reinterpret_cast<context_entry *>(take(to, context_floats));
    KSTT_CHECK(to.contexts.size() * sizeof(context_entry) <= context_floats * sizeof(float));
    if (is_first) {
        stream_.upload(entries, to.contexts.data(), to.contexts.size() * sizeof(context_entry));
    }
    if (!to.contexts.empty()) {
        launch_contexts(stream_, entries, static_cast<int32_t>(to.contexts.size()), to.n_rows);
    }
}

// Once for nobody, then recorded: memory is made and kernels are loaded when they are first needed, and neither may
// happen in a recording.
void codec_executor::record(pass & to) const {
    to.n_taken = 0;
    (void) take(to, to.n_rows * to.n_samples);
    const std::vector<int32_t> nobody(3 * static_cast<size_t>(to.n_rows), -1);
    stream_.upload(take(to, static_cast<int64_t>(nobody.size())), nobody.data(), nobody.size() * sizeof(int32_t));
    launch_pass(to, true);
    stream_.wait();
    stream_.begin_recording();
    launch_pass(to, false);
    to.work = stream_.end_recording();
}

codec_executor::pass & codec_executor::pass_for(int32_t n_rows, int64_t n_samples, bool pad_right) {
    std::unique_ptr<pass> & found = passes_[{ n_rows, n_samples, pad_right }];
    if (found == nullptr) {
        auto fresh       = std::make_unique<pass>();
        fresh->n_rows    = n_rows;
        fresh->n_samples = n_samples;
        fresh->pad_right = pad_right;
        int64_t columns  = n_samples;
        for (const device_seanet_layer & layer : weights_.codec().seanet) {
            columns = (columns + layer.conv.shape.stride - 1) / layer.conv.shape.stride;
        }
        fresh->columns  = static_cast<int32_t>(columns);
        const int64_t n = config_.columns_per_frame();
        fresh->n_frames = static_cast<int32_t>((columns + n - 1) / n);
        record(*fresh);
        found = std::move(fresh);
    }
    return *found;
}

void codec_executor::encode(const mimi_call & call, std::vector<int32_t> & codes) {
    const auto n_rows = static_cast<int32_t>(call.slots.size());
    KSTT_CHECK(n_rows > 0 && call.pcm.size() == call.slots.size() && call.n_samples > 0);
    KSTT_CHECK(call.pad_right || call.n_samples % config_.frame_size() == 0);
    KSTT_CHECK(call.n_samples <= static_cast<int64_t>(options_.max_frames_per_call) * config_.frame_size());
    const auto    n_frames = static_cast<int32_t>((call.n_samples + config_.frame_size() - 1) / config_.frame_size());
    const int32_t per_pass = std::max(1, rows_per_pass_ / n_frames);
    const auto    n_codes  = static_cast<size_t>(n_frames) * static_cast<size_t>(config_.num_quantizers);
    const auto    n        = static_cast<size_t>(n_rows);
    const auto    samples  = static_cast<size_t>(call.n_samples);
    host_pcm_.reserve(n * samples * sizeof(float));
    // Slots and positions of each pass, in a place of its own: its rows are a recording's, more than used, and they may
    // still be on their way to the device when the next pass's are filled in.
    const auto per_place = 3 * static_cast<ptrdiff_t>(rows_of_recording(std::min(n_rows, per_pass)));
    const auto n_passes  = static_cast<size_t>((n_rows + per_pass - 1) / per_pass);
    host_rows_.reserve(n_passes * static_cast<size_t>(per_place) * sizeof(int32_t));
    host_codes_.reserve(n * n_codes * sizeof(int32_t));
    for (int32_t first = 0; first < n_rows; first += per_pass) {
        const int32_t count = std::min(per_pass, n_rows - first);
        pass &        to    = pass_for(rows_of_recording(count), call.n_samples, call.pad_right);
        auto *        rows  = host_rows_.as<int32_t>() + per_place * (first / per_pass);
        auto *        pcm   = host_pcm_.as<float>() + static_cast<size_t>(first) * samples;
        std::fill(rows, rows + to.n_rows, -1);
        std::fill(rows + to.n_rows, rows + 3 * static_cast<ptrdiff_t>(to.n_rows), 0);
        for (int32_t i = 0; i < count; i++) {
            const auto    row       = static_cast<size_t>(first) + static_cast<size_t>(i);
            const int32_t slot      = call.slots[row];
            rows[i]                 = slot;
            rows[to.n_rows + i]     = static_cast<int32_t>(clock_.frames(slot));
            rows[2 * to.n_rows + i] = static_cast<int32_t>(columns(slot));
            std::memcpy(pcm + static_cast<size_t>(i) * samples, call.pcm[row], samples * sizeof(float));
            clock_.advance(slot, n_frames);
        }
        stream_.upload(to.slots, rows, 3 * sizeof(int32_t) * static_cast<size_t>(to.n_rows));
        stream_.upload(to.pcm, pcm, static_cast<size_t>(count) * samples * sizeof(float));
        stream_.run(*to.work);
        stream_.download(host_codes_.as<int32_t>() + static_cast<size_t>(first) * n_codes,
                         to.codes,
                         static_cast<size_t>(count) * n_codes * sizeof(int32_t));
    }
    stream_.wait();
    codes.assign(host_codes_.as<int32_t>(), host_codes_.as<int32_t>() + n * n_codes);
}

}  // namespace kstt::gpu
