// What begins and ends a decoder step: the sum of 33 rows, the angles, the choice of a token.
#include "cuda/launch.cuh"
#include "cuda/weight-fragment.cuh"

namespace kstt::gpu {

namespace {

constexpr int32_t strip_width = 16;  // values whose squares are summed together

// Element i of a row of the table. Quantized blocks are ggml's: f16 scale, then 32 x i8, or 16 bytes with weights i and
// i + 16 in their halves.
template <table_kind KIND>
KSTT_DEVICE float read_table(const void * table, int64_t row, int32_t hidden, int32_t i) {
    const int64_t at = row * hidden + i;
    if (KIND == table_kind::f32) {
        return static_cast<const float *>(table)[at];
    }
    if (KIND == table_kind::f16) {
        return half_to_float(static_cast<const uint16_t *>(table)[at]);
    }
    if (KIND == table_kind::bf16) {
        return bf16_to_float(static_cast<const uint16_t *>(table)[at]);
    }
    const int64_t bytes = KIND == table_kind::q8_0 ? 34 : 18;
    const auto *  block = static_cast<const uint8_t *>(table) + at / 32 * bytes;
    const float   scale = half_to_float(static_cast<uint16_t>(block[0] | (block[1] << 8)));
    const auto    place = static_cast<int32_t>(at % 32);
    if (KIND == table_kind::q8_0) {
        return scale * static_cast<float>(static_cast<int8_t>(block[2 + place]));
    }
    const int32_t byte = block[2 + place % 16];
    return scale * static_cast<float>((place < 16 ? byte & 15 : byte >> 4) - 8);
}

// A thread takes a strip of one column.
template <table_kind KIND>
KSTT_KERNEL sum_rows(embedding_call call) {
    const auto column = static_cast<int32_t>(blockIdx.y);
    const auto strip  = static_cast<int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
    if (call.slots[column / call.per_row] < 0 || strip * strip_width >= call.hidden) {
        return;
    }
    const int32_t * ids               = call.ids + static_cast<int64_t>(column) * call.n_ids;
    const int32_t   n                 = min(strip_width, call.hidden - strip * strip_width);
    float           sums[strip_width] = {};
    for (int32_t j = 0; j < call.n_ids; j++) {
        const int64_t row = ids[j];
        KSTT_UNROLL
        for (int32_t i = 0; i < strip_width; i++) {
            if (i < n) {
                sums[i] += read_table<KIND>(call.table, row, call.hidden, strip * strip_width + i);
            }
        }
    }
    float * x = call.x + static_cast<int64_t>(column) * call.x_stride + strip * strip_width;
    KSTT_UNROLL
    for (int32_t i = 0; i < strip_width; i++) {
        if (i < n) {
            x[i] = sums[i];
        }
    }
    call.sums.sums[static_cast<int64_t>(column) * call.sums.n_strips + strip] =
        sum_of_squares([&](int32_t i) { return sums[i]; });
}

// A thread takes one pair of one column. In f64, so that angles stay exact for days of audio.
KSTT_KERNEL fill_rope(rope_call call) {
    const auto    column = static_cast<int32_t>(blockIdx.x);
    const int32_t half   = call.head_dim / 2;
    const int32_t at     = call.positions[column / call.per_row] + column % call.per_row;
    for (auto i = static_cast<int32_t>(threadIdx.x); i < half; i += static_cast<int32_t>(blockDim.x)) {
        const double frequency = call.frequencies[i];
        const double angle     = call.reference
                                     ? static_cast<double>(static_cast<float>(at) * static_cast<float>(frequency))
                                     : static_cast<double>(at) * frequency;
        float *      table     = call.table + static_cast<int64_t>(column) * call.head_dim;
        table[i]               = static_cast<float>(cos(angle));
        table[half + i]        = static_cast<float>(sin(angle));
    }
}

struct best_logit {
    float   value;
    int32_t index;
};

KSTT_DEVICE best_logit better(best_logit a, best_logit b) {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

// A block takes one column.
KSTT_KERNEL pick_tokens(const float * logits, int32_t stride, int32_t n, int32_t * tokens, float * probabilities) {
    const auto    thread = static_cast<int32_t>(threadIdx.x);
    const auto    column = static_cast<int32_t>(blockIdx.x);
    const float * row    = logits + static_cast<int64_t>(column) * stride;
    auto *        bests  = reinterpret_cast<best_logit *>(block_memory());
    auto *        sums   = reinterpret_cast<float *>(bests + 32);
    best_logit    best   = { -INFINITY, 0x7fffffff };
    for (int32_t i = thread; i < n; i += static_cast<int32_t>(blockDim.x)) {
        best = better(best, { row[i], i });
    }
    for (int32_t width = 16; width > 0; width /= 2) {
        const best_logit other = { __shfl_xor_sync(all_lanes, best.value, width),
                                   __shfl_xor_sync(all_lanes, best.index, width) };
        best                   = better(best, other);
    }
    if (lane_index() == 0) {
        bests[warp_index()] = best;
    }
    __syncthreads();
    best = bests[0];
    for (int32_t w = 1; w < n_warps(); w++) {
        best = better(best, bests[w]);
    }
    float sum = 0.0F;
    for (int32_t i = thread; i < n; i += static_cast<int32_t>(blockDim.x)) {
        sum += expf(row[i] - best.value);
    }
    sum = sum_lanes(sum);
    if (lane_index() == 0) {
        sums[warp_index()] = sum;
    }
    __syncthreads();
    if (thread == 0) {
        float total = 0.0F;
        for (int32_t w = 0; w < n_warps(); w++) {
            total += sums[w];
        }
        // Where no logit is a number the first token stands, as on the host.
        tokens[column]        = best.index < n ? best.index : 0;
        probabilities[column] = 1.0F / total;
    }
}

template <table_kind KIND>
void launch_rows(stream & on, const embedding_call & call) {
    const int32_t strips = (call.hidden + strip_width - 1) / strip_width;
    launch_shape  shape;
    shape.n_threads = 32;  // many small blocks: the 33 rows of one stream shall come from many processors
    shape.grid_x    = static_cast<uint32_t>((strips + 31) / 32);
    shape.grid_y    = static_cast<uint32_t>(call.n_columns);
    launch(on, shape, sum_rows<KIND>, call);
}

}  // namespace

void launch_embedding(stream & on, const embedding_call & call) {
    switch (call.kind) {
    case table_kind::f32:
        return launch_rows<table_kind::f32>(on, call);
    case table_kind::f16:
        return launch_rows<table_kind::f16>(on, call);
    case table_kind::bf16:
        return launch_rows<table_kind::bf16>(on, call);
    case table_kind::q8_0:
        return launch_rows<table_kind::q8_0>(on, call);
    case table_kind::q4_0:
        return launch_rows<table_kind::q4_0>(on, call);
    }
}

void launch_rope_table(stream & on, const rope_call & call) {
    launch_shape shape;
    shape.grid_x    = static_cast<uint32_t>(call.n_columns);
    shape.n_threads = 64;
    launch(on, shape, fill_rope, call);
}

void launch_pick(stream &      on,
                 const float * logits,
                 int32_t       stride,
                 int32_t       n,
                 int32_t       n_columns,
                 int32_t *     tokens,
                 float *       probabilities) {
    launch_shape shape;
    shape.grid_x       = static_cast<uint32_t>(n_columns);
    shape.n_threads    = 256;
    shape.shared_bytes = 32 * (sizeof(best_logit) + sizeof(float));
    launch(on, shape, pick_tokens, logits, stride, n, tokens, probabilities);
}

}  // namespace kstt::gpu
