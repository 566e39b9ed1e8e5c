#include "cuda/decoder-executor.h"

#include "runtime/byte-archive.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kstt::gpu {

namespace {

constexpr int64_t column_unit = 64;  // columns that the widest product takes at a time

int32_t padded(int64_t width) {
    return static_cast<int32_t>(round_up(width, 64));
}

int32_t strips(int64_t width) {
    return static_cast<int32_t>((width + 15) / 16);
}

}  // namespace

int32_t rows_of_recording(int32_t n_rows) {
    for (const int32_t n : { 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64 }) {
        if (n_rows <= n) {
            return n;
        }
    }
    return static_cast<int32_t>(round_up(n_rows, column_unit));
}

// What a step works in, for up to `capacity` columns. Activations are zero beyond their width, for good.
struct decoder_executor::buffers {
    buffers(const decoder_weights & weights, bool is_f32, int32_t window, int64_t n) : capacity(n) {
        const decoder_config & config  = weights.config;
        const auto             columns = static_cast<size_t>(n);
        const int64_t          q_width = int64_t{ config.num_attention_heads } * config.head_dim;
        const int64_t          k_width = int64_t{ config.num_key_value_heads } * config.head_dim;
        n_ids                          = 1 + static_cast<size_t>(config.num_codebooks);
        qkv_stride                     = padded(q_width + 2 * k_width);
        attended_stride                = padded(q_width);
        hidden_stride                  = padded(config.hidden_size);
        ffn_stride                     = padded(config.ffn_dim / 2);
        logits_stride                  = padded(config.output_vocab_size);
        const auto floats              = [&](int64_t stride) {
            return device_memory(columns * static_cast<size_t>(stride) * sizeof(float));
        };
        x                 = floats(hidden_stride);
        normed            = floats(hidden_stride);
        sums              = floats(strips(config.hidden_size));
        qkv               = floats(qkv_stride);
        rope              = floats(config.head_dim);
        attended          = floats(attended_stride);
        gates             = floats(is_f32 ? padded(config.ffn_dim) : 0);
        ffn               = floats(ffn_stride);
        logits            = floats(logits_stride);
        const auto widest = static_cast<size_t>(std::max({ hidden_stride, attended_stride, ffn_stride }));
        planes            = device_memory(2 * columns * widest * sizeof(uint16_t));
        plane_high        = planes.as<uint16_t>();
        plane_low         = plane_high + columns * widest;
        heads_width       = config.num_extra_heads * config.extra_head_dim;
        heads             = floats(heads_width);
        partials =
            device_memory(attention_scratch(n, config.num_attention_heads, config.head_dim, window) * sizeof(float));
        counters = device_memory(columns * static_cast<size_t>(config.num_attention_heads) * sizeof(uint32_t));
        // Inputs and results of a step in one piece each, on either side.
        const size_t n_inputs  = columns * (n_ids + 2);
        const size_t n_results = columns * static_cast<size_t>(2 + heads_width);
        inputs                 = device_memory(n_inputs * sizeof(int32_t));
        results                = device_memory(n_results * sizeof(int32_t));
        host_inputs            = pinned_memory(n_inputs * sizeof(int32_t));
        host_results           = pinned_memory(n_results * sizeof(int32_t));
    }

    // Offsets within inputs: slots, positions, ids; within results: tokens, probabilities.
    size_t positions_at() const { return static_cast<size_t>(capacity); }

    size_t ids_at() const { return 2 * static_cast<size_t>(capacity); }

    const int64_t capacity;
    size_t        n_ids      = 0;
    int32_t       qkv_stride = 0, attended_stride = 0, hidden_stride = 0, ffn_stride = 0, logits_stride = 0;
    int32_t       heads_width = 0;
    device_memory x, normed, sums, qkv, rope, attended, gates, ffn, logits, planes, heads, partials, counters;
    uint16_t *    plane_high = nullptr;
    uint16_t *    plane_low  = nullptr;
    device_memory inputs, results;
    pinned_memory host_inputs, host_results;
};

decoder_executor::decoder_executor(const device_weights & weights, const decoder_options & options, bool q8_rings)
    : weights_(weights), host_(weights.model().decoder), options_(options) {
    const decoder_config & config = host_.config;
    window_                       = config.sliding_window;
    if (options.max_steps > 0) {
        window_ = static_cast<int32_t>(std::min<int64_t>(window_, options.max_steps));
    }
    capacity_ = window_ + options.max_columns_per_call - 1;
    kind_     = host_.ring_type == GGML_TYPE_F32 ? ring_kind::f32 : q8_rings ? ring_kind::q8 : ring_kind::f16;
    rings_shape shape;
    shape.kind       = kind_;
    shape.n_layers   = static_cast<int32_t>(host_.blocks.size());
    shape.n_slots    = options.n_slots;
    shape.n_kv_heads = config.num_key_value_heads;
    shape.head_dim   = config.head_dim;
    shape.capacity   = capacity_;
    rings_           = std::make_unique<slot_rings>(shape);
    positions_.assign(static_cast<size_t>(options.n_slots), 0);
    const rope_table table(config.head_dim, config.rope_theta, options.precision);
    frequencies_ = device_memory(table.frequencies().size() * sizeof(double));
    stream_.upload(frequencies_.as<void>(), table.frequencies().data(), frequencies_.n_bytes());
    stream_.wait();
    reserve(std::max(options.n_slots, options.max_columns_per_call));
}

decoder_executor::~decoder_executor() = default;

void decoder_executor::reserve(int64_t n_columns) {
    if (buffers_ != nullptr && n_columns <= buffers_->capacity) {
        return;
    }
    recordings_.clear();
    buffers_.reset();
    buffers_ = std::make_unique<buffers>(host_, weights_.decoder().is_f32, window_, round_up(n_columns, column_unit));
}

void decoder_executor::add_product(const device_matrix & w,
                                   const float *         x,
                                   int32_t               x_width,
                                   const float *         norm,
                                   float *               y,
                                   int32_t               y_width,
                                   product_end           end,
                                   int32_t               n_columns) {
    const float eps = host_.config.rms_norm_eps;
    if (w.shape.kind != matrix_kind::f32) {
        product_call call;
        call.w         = w;
        call.x         = x;
        call.x_stride  = padded(x_width);
        call.n_columns = n_columns;
        call.norm      = norm;
        call.norm_sums = { buffers_->sums.as<float>(), strips(host_.config.hidden_size) };
        call.eps       = eps;
        call.y         = y;
        call.y_stride  = padded(y_width);
        call.end       = end;
        call.sums      = call.norm_sums;
        call.planes    = { buffers_->plane_high, buffers_->plane_low };
        return launch_product(stream_, call);
    }
    f32_call call;
    call.w               = w;
    call.source.x        = x;
    call.source.n_in     = x_width;
    call.source.columns  = n_columns;
    call.source.x_stride = padded(x_width);
    call.out_columns     = n_columns;
    call.norm            = { norm, nullptr, eps };
    call.normed          = buffers_->normed.as<float>();
    call.y               = end == product_end::swiglu ? buffers_->gates.as<float>() : y;
    call.y_stride        = padded(end == product_end::swiglu ? 2 * int64_t{ y_width } : y_width);
    call.residual        = end == product_end::residual ? y : nullptr;
    launch_f32_product(stream_, call);
    if (end == product_end::swiglu) {
        launch_swiglu(stream_, call.y, call.y_stride, y, padded(y_width), y_width, n_columns);
    }
}

void decoder_executor::add_attention(int32_t layer, int32_t n_rows, int32_t per_row) {
    const decoder_config & config = host_.config;
    attention_call         call;
    call.qkv        = buffers_->qkv.as<float>();
    call.rope       = buffers_->rope.as<float>();
    call.slots      = buffers_->inputs.as<int32_t>();
    call.positions  = buffers_->inputs.as<int32_t>() + buffers_->positions_at();
    call.keys       = rings_->keys(layer);
    call.values     = rings_->values(layer);
    call.kind       = kind_;
    call.qkv_stride = buffers_->qkv_stride;
    call.n_rows     = n_rows;
    call.per_row    = per_row;
    call.n_heads    = config.num_attention_heads;
    call.n_kv_heads = config.num_key_value_heads;
    call.head_dim   = config.head_dim;
    call.window     = window_;
    call.capacity   = capacity_;
    call.out        = buffers_->attended.as<float>();
    call.out_stride = buffers_->attended_stride;
    call.partials   = buffers_->partials.as<float>();
    call.counters   = buffers_->counters.as<uint32_t>();
    launch_attention(stream_, call);
}

void decoder_executor::add_block(int32_t layer, int32_t n_rows, int32_t per_row) {
    const device_block &   w       = weights_.decoder().blocks[static_cast<size_t>(layer)];
    const decoder_config & config  = host_.config;
    const int32_t          n       = n_rows * per_row;
    const int32_t          q_width = config.num_attention_heads * config.head_dim;
    const int32_t          width   = q_width + 2 * config.num_key_value_heads * config.head_dim;
    const int32_t          half    = config.ffn_dim / 2;
    auto *                 x       = buffers_->x.as<float>();
    auto *                 ffn     = buffers_->ffn.as<float>();
    add_product(w.qkv, x, config.hidden_size, w.attn_norm, buffers_->qkv.as<float>(), width, product_end::store, n);
    add_attention(layer, n_rows, per_row);
    add_product(w.o, buffers_->attended.as<float>(), q_width, nullptr, x, config.hidden_size, product_end::residual, n);
    add_product(w.fc1, x, config.hidden_size, w.mlp_norm, ffn, half, product_end::swiglu, n);
    add_product(w.fc2, ffn, half, nullptr, x, config.hidden_size, product_end::residual, n);
}

// Once for nobody, then recorded: the device loads kernels when they first run, which must not happen in a recording.
void decoder_executor::record(int32_t n_rows, int32_t per_row, int32_t n_choices) {
    auto * inputs = buffers_->host_inputs.as<int32_t>();
    std::fill(inputs, inputs + n_rows, -1);
    launch_step(n_rows, per_row, n_choices);
    stream_.wait();
    stream_.begin_recording();
    launch_step(n_rows, per_row, n_choices);
    recordings_[{ n_rows, per_row, n_choices }] = stream_.end_recording();
}

void decoder_executor::launch_step(int32_t n_rows, int32_t per_row, int32_t n_choices) {
    const decoder_config & config = host_.config;
    const int32_t          n      = n_rows * per_row;
    buffers &              b      = *buffers_;
    auto *                 inputs = b.inputs.as<int32_t>();
    stream_.upload(b.inputs.as<void>(), b.host_inputs.as<void>(), b.inputs.n_bytes());
    embedding_call embed;
    embed.table     = weights_.decoder().embed;
    embed.kind      = weights_.decoder().embed_kind;
    embed.slots     = inputs;
    embed.positions = inputs + b.positions_at();
    embed.ids       = inputs + b.ids_at();
    embed.n_ids     = static_cast<int32_t>(b.n_ids);
    embed.n_columns = n;
    embed.per_row   = per_row;
    embed.hidden    = config.hidden_size;
    embed.x_stride  = b.hidden_stride;
    embed.x         = b.x.as<float>();
    embed.sums      = { b.sums.as<float>(), strips(config.hidden_size) };
    launch_embedding(stream_, embed);
    rope_call rope;
    rope.frequencies = frequencies_.as<double>();
    rope.positions   = embed.positions;
    rope.n_columns   = n;
    rope.per_row     = per_row;
    rope.head_dim    = config.head_dim;
    rope.reference   = options_.precision == rope_precision::reference;
    rope.table       = b.rope.as<float>();
    launch_rope_table(stream_, rope);
    for (int32_t layer = 0; layer < static_cast<int32_t>(host_.blocks.size()); layer++) {
        add_block(layer, n_rows, per_row);
    }
    const decoder_device_weights & w = weights_.decoder();
    add_product(w.head,
                b.x.as<float>(),
                config.hidden_size,
                w.norm,
                b.logits.as<float>(),
                config.output_vocab_size,
                product_end::store,
                n);
    auto * results = b.results.as<int32_t>();
    if (b.heads_width > 0) {
        f32_call heads;
        heads.w               = w.extra_heads;
        heads.source.x        = b.x.as<float>();
        heads.source.n_in     = config.hidden_size;
        heads.source.columns  = n;
        heads.source.x_stride = b.hidden_stride;
        heads.out_columns     = n;
        heads.norm            = { w.norm, nullptr, config.rms_norm_eps };
        heads.normed          = b.normed.as<float>();
        heads.y               = reinterpret_cast<float *>(results + 2 * b.capacity);
        heads.y_stride        = b.heads_width;
        launch_f32_product(stream_, heads);
    }
    launch_pick(stream_,
                b.logits.as<float>(),
                b.logits_stride,
                n_choices,
                n,
                results,
                reinterpret_cast<float *>(results + b.capacity));
    stream_.download(b.host_results.as<void>(), results, b.results.n_bytes());
}

void decoder_executor::fill(const decoder_call & call, int32_t n_rows) {
    buffers & b      = *buffers_;
    auto *    inputs = b.host_inputs.as<int32_t>();
    // The rest of the recording's rows belong to nobody.
    std::fill(inputs, inputs + n_rows, -1);
    std::fill(inputs + b.positions_at(), inputs + b.positions_at() + n_rows, 0);
    for (size_t row = 0; row < call.slots.size(); row++) {
        const int32_t slot             = call.slots[row];
        int64_t &     position         = positions_[static_cast<size_t>(slot)];
        inputs[row]                    = slot;
        inputs[b.positions_at() + row] = static_cast<int32_t>(position);
        position += call.n_columns;
    }
    const size_t n = static_cast<size_t>(n_rows) * static_cast<size_t>(call.n_columns) * b.n_ids;
    std::fill(inputs + b.ids_at() + call.ids.size(), inputs + b.ids_at() + n, 0);
}

void decoder_executor::compute(const decoder_call & call, int64_t n_choices) {
    const decoder_config & config    = host_.config;
    const auto             n_rows    = static_cast<int32_t>(call.slots.size());
    const int64_t          n_streams = 1 + config.num_codebooks;
    KSTT_CHECK(n_rows > 0 && call.n_columns > 0 && call.n_columns <= options_.max_columns_per_call);
    KSTT_CHECK(static_cast<int64_t>(call.ids.size()) == n_rows * call.n_columns * n_streams);
    KSTT_CHECK(options_.max_steps == 0 || positions_[static_cast<size_t>(call.slots.front())] < options_.max_steps);
    KSTT_CHECK(n_choices > 0 && n_choices <= config.output_vocab_size);
    const int32_t   recorded = rows_of_recording(n_rows);
    const auto      per_row  = static_cast<int32_t>(call.n_columns);
    const shape_key key      = { recorded, per_row, static_cast<int32_t>(n_choices) };
    reserve(int64_t{ recorded } * per_row);
    // All ids are looked at before any state changes.
    auto * ids = buffers_->host_inputs.as<int32_t>() + buffers_->ids_at();
    for (size_t i = 0; i < call.ids.size(); i++) {
        ids[i] = embedding_row(host_, static_cast<int64_t>(i) % n_streams, call.ids[i]);
    }
    if (recordings_.count(key) == 0) {
        record(recorded, per_row, static_cast<int32_t>(n_choices));
    }
    logits_.clear();
    fill(call, recorded);
    stream_.run(*recordings_[key]);
    stream_.wait();
    if (buffers_->heads_width > 0) {
        const auto n =
            static_cast<size_t>(n_rows) * static_cast<size_t>(per_row) * static_cast<size_t>(buffers_->heads_width);
        softmax_groups(reinterpret_cast<const float *>(buffers_->host_results.as<int32_t>() + 2 * buffers_->capacity),
                       n,
                       static_cast<size_t>(config.extra_head_dim),
                       probabilities_);
    }
}

picked_token decoder_executor::choice(int64_t column) const {
    const auto * results = buffers_->host_results.as<int32_t>();
    picked_token picked;
    picked.token = results[column];
    std::memcpy(&picked.probability, results + buffers_->capacity + column, sizeof(float));
    return picked;
}

const float * decoder_executor::logits(int64_t column) {
    // A caller may hold several columns' logits at once.
    std::vector<float> & found = logits_[column];
    if (found.empty()) {
        std::vector<float> fetched(static_cast<size_t>(host_.config.output_vocab_size));
        stream_.download(fetched.data(),
                         buffers_->logits.as<float>() + column * buffers_->logits_stride,
                         fetched.size() * sizeof(float));
        stream_.wait();
        found = std::move(fetched);
    }
    return found.data();
}

void decoder_executor::reset(int32_t slot) {
    // Rings are masked by position: nothing has to be cleared.
    positions_[static_cast<size_t>(slot)] = 0;
}

void decoder_executor::rewind(int32_t slot, int64_t n) {
    int64_t & position = positions_[static_cast<size_t>(slot)];
    KSTT_CHECK(n >= 0 && n < options_.max_columns_per_call && n <= position);
    position -= n;
}

void decoder_executor::save(int32_t slot, byte_writer & out) const {
    int64_t position = positions_[static_cast<size_t>(slot)];
    out(position);
    rings_->save(stream_, slot, position, out);
}

void decoder_executor::load(int32_t slot, byte_reader & in) {
    reset(slot);
    int64_t position = 0;
    in(position);
    if (position < 0) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: a position is negative");
    }
    rings_->load(stream_, slot, position, in);
    positions_[static_cast<size_t>(slot)] = position;
}

}  // namespace kstt::gpu
