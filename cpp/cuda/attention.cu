// Attention over the rings. A block takes one head of one column and a span of 128 positions; spans begin at multiples
// of 128 of the stream's own positions, so what a block sums does not depend on the call. The last block of a head
// joins the spans, oldest first.
//
// Keys and values of the call itself are rotated and rounded by every block that sees them, and written to the ring by
// one: no block reads from the ring what another writes.
#include "cuda/launch.cuh"
#include "cuda/ring-storage.cuh"
#include "runtime/error.h"

namespace kstt::gpu {

namespace {

constexpr int32_t span      = 128;
constexpr int32_t n_threads = 128;
constexpr int32_t max_dim   = 256;

int32_t max_spans(int64_t window) {
    return static_cast<int32_t>((window + span - 2) / span + 1);
}

// Element d of a head after rotation; table: cosines, then sines.
KSTT_DEVICE float rotated(const float * x, const float * table, int32_t head_dim, int32_t d) {
    const int32_t half = head_dim / 2;
    if (d < half) {
        return x[d] * table[d] - x[d + half] * table[d + half];
    }
    return x[d] * table[d - half] + x[d - half] * table[d];
}

struct head_place {
    int32_t row, column, head, kv_head, slot;
    int32_t first_fresh;            // position of the row's first column
    int32_t position, first, last;  // of the query; of the keys in this span
    int32_t index, n_spans;         // of the spans that the query sees
    bool    active;
};

KSTT_DEVICE head_place find_place(const attention_call & call) {
    head_place place;
    const auto flat      = static_cast<int32_t>(blockIdx.z);
    place.row            = flat / call.per_row;
    place.column         = flat % call.per_row;
    place.head           = static_cast<int32_t>(blockIdx.y);
    place.kv_head        = place.head / (call.n_heads / call.n_kv_heads);
    place.slot           = call.slots[place.row];
    place.first_fresh    = call.positions[place.row];
    place.position       = place.first_fresh + place.column;
    const int32_t window = call.window - (call.group - 1 - place.position % call.group);
    const int32_t oldest = max(0, place.position - window + 1);
    place.index          = static_cast<int32_t>(blockIdx.x);
    place.n_spans        = place.position / span - oldest / span + 1;
    const int32_t begin  = (oldest / span + place.index) * span;
    place.first          = max(oldest, begin);
    place.last           = min(place.position, begin + span - 1);
    place.active         = place.slot >= 0 && place.index < place.n_spans;
    return place;
}

struct block_room {
    float * query;   // [head_stride]
    float * scores;  // [span]
    float * warps;   // [8]
    float * groups;  // [n_threads / lanes][head_stride]
    float * keys;    // [per_row][head_stride], of this call
    float * values;
};

KSTT_DEVICE block_room find_room(const attention_call & call, int32_t lanes) {
    const int32_t stride = head_stride(call.head_dim);
    block_room    room;
    room.query  = reinterpret_cast<float *>(block_memory());
    room.scores = room.query + stride;
    room.warps  = room.scores + span;
    room.groups = room.warps + 8;
    room.keys   = room.groups + n_threads / lanes * stride;
    room.values = room.keys + call.per_row * stride;
    return room;
}

KSTT_DEVICE int64_t ring_element(const attention_call & call, const head_place & place, int32_t position) {
    return ((static_cast<int64_t>(place.slot) * call.n_kv_heads + place.kv_head) * call.capacity +
            position % call.capacity) *
           head_stride(call.head_dim);
}

// Rotates the query, and rotates and rounds what this call adds to the span; the query's own key and value go to the
// ring.
template <ring_kind KIND>
KSTT_DEVICE void prepare(const attention_call & call, const head_place & place, const block_room & room) {
    const int32_t stride   = head_stride(call.head_dim);
    const int32_t head_dim = call.head_dim;
    const auto    flat     = static_cast<int64_t>(blockIdx.z);
    const bool    writes   = place.last == place.position && place.head % (call.n_heads / call.n_kv_heads) == 0;
    for (auto d = static_cast<int32_t>(threadIdx.x); d < stride; d += n_threads) {
        const float * q = call.qkv + flat * call.qkv_stride + place.head * head_dim;
        room.query[d]   = d < head_dim ? rotated(q, call.rope + flat * head_dim, head_dim, d) : 0.0F;
        for (int32_t p = max(place.first, place.first_fresh); p <= place.last; p++) {
            const int32_t column = p - place.first_fresh;
            const int64_t source = static_cast<int64_t>(place.row) * call.per_row + column;
            const float * k      = call.qkv + source * call.qkv_stride + (call.n_heads + place.kv_head) * head_dim;
            const float * v      = k + call.n_kv_heads * head_dim;
            const float   key    = d < head_dim ? rotated(k, call.rope + source * head_dim, head_dim, d) : 0.0F;
            const float   value  = d < head_dim ? v[d] : 0.0F;
            room.keys[column * stride + d]   = ring_storage<KIND>::round(key);
            room.values[column * stride + d] = ring_storage<KIND>::round(value);
            if (writes && p == place.position) {
                const int64_t element = ring_element(call, place, p);
                ring_storage<KIND>::write(call.keys, element + d, key);
                ring_storage<KIND>::write(call.values, element + d, value);
            }
        }
    }
}

KSTT_DEVICE void read_shared(const float * at, float (&out)[8]) {
    KSTT_UNROLL
    for (int32_t i = 0; i < 8; i++) {
        out[i] = at[i];
    }
}

// scores[j] of the span's keys; LANES lanes share a key.
template <ring_kind KIND, int32_t LANES>
KSTT_DEVICE void score_keys(const attention_call & call, const head_place & place, const block_room & room) {
    constexpr int32_t per_pass = n_threads / LANES;
    const int32_t     stride   = head_stride(call.head_dim);
    const auto        thread   = static_cast<int32_t>(threadIdx.x);
    const int32_t     d0       = thread % LANES * 8;
    const float       scale    = 1.0F / sqrtf(static_cast<float>(call.head_dim));
    float             q[8]     = {};
    if (d0 < stride) {
        read_shared(room.query + d0, q);
    }
    KSTT_UNROLL_BY_4
    for (int32_t pass = 0; pass < span / per_pass; pass++) {
        const int32_t j        = pass * per_pass + thread / LANES;
        const int32_t position = place.first + j;
        float         k[8]     = {};
        if (position <= place.last && d0 < stride) {
            if (position >= place.first_fresh) {
                read_shared(room.keys + (position - place.first_fresh) * stride + d0, k);
            } else {
                ring_storage<KIND>::read(call.keys, ring_element(call, place, position) + d0, k);
            }
        }
        float dot = 0.0F;
        KSTT_UNROLL
        for (int32_t i = 0; i < 8; i++) {
            dot = fmaf(q[i], k[i], dot);
        }
        KSTT_UNROLL
        for (int32_t distance = LANES / 2; distance > 0; distance /= 2) {
            dot += __shfl_xor_sync(all_lanes, dot, distance);
        }
        if (thread % LANES == 0) {
            room.scores[j] = position <= place.last ? dot * scale : -INFINITY;
        }
    }
}

struct span_sums {
    float largest;
    float sum;
};

// scores become exp(score - largest).
KSTT_DEVICE span_sums exponentiate(const block_room & room) {
    const auto thread  = static_cast<int32_t>(threadIdx.x);
    float      largest = room.scores[thread];
    KSTT_UNROLL
    for (int32_t width = 16; width > 0; width /= 2) {
        largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, width));
    }
    if (lane_index() == 0) {
        room.warps[warp_index()] = largest;
    }
    __syncthreads();
    span_sums result;
    result.largest      = fmaxf(fmaxf(room.warps[0], room.warps[1]), fmaxf(room.warps[2], room.warps[3]));
    const float power   = expf(room.scores[thread] - result.largest);
    room.scores[thread] = power;
    const float sum     = sum_lanes(power);
    if (lane_index() == 0) {
        room.warps[4 + warp_index()] = sum;
    }
    __syncthreads();
    result.sum = (room.warps[4] + room.warps[5]) + (room.warps[6] + room.warps[7]);
    return result;
}

// groups[g] = sum over the keys g, g + n_groups, ... of weight times value.
template <ring_kind KIND, int32_t LANES>
KSTT_DEVICE void weigh_values(const attention_call & call, const head_place & place, const block_room & room) {
    constexpr int32_t n_groups = n_threads / LANES;
    const int32_t     stride   = head_stride(call.head_dim);
    const auto        thread   = static_cast<int32_t>(threadIdx.x);
    const int32_t     d0       = thread % LANES * 8;
    const int32_t     n_keys   = place.last - place.first + 1;
    if (d0 >= stride) {
        return;
    }
    float sums[8] = {};
    KSTT_UNROLL_BY_4
    for (int32_t j = thread / LANES; j < n_keys; j += n_groups) {
        const int32_t position = place.first + j;
        float         v[8];
        if (position >= place.first_fresh) {
            read_shared(room.values + (position - place.first_fresh) * stride + d0, v);
        } else {
            ring_storage<KIND>::read(call.values, ring_element(call, place, position) + d0, v);
        }
        const float weight = room.scores[j];
        KSTT_UNROLL
        for (int32_t i = 0; i < 8; i++) {
            sums[i] = fmaf(weight, v[i], sums[i]);
        }
    }
    KSTT_UNROLL
    for (int32_t i = 0; i < 8; i++) {
        room.groups[thread / LANES * stride + d0 + i] = sums[i];
    }
}

// Joins the spans of one head, in the last block that gets there. Partials: [largest, sum, head_stride values].
KSTT_DEVICE void join_spans(const attention_call & call,
                            const head_place &     place,
                            const float *          partials,
                            float *                out) {
    const int32_t width   = head_stride(call.head_dim) + 2;
    float         largest = -INFINITY;
    for (int32_t s = 0; s < place.n_spans; s++) {
        largest = fmaxf(largest, load_shared_result(partials + s * width));
    }
    float total = 0.0F;
    for (int32_t s = 0; s < place.n_spans; s++) {
        const float factor = expf(load_shared_result(partials + s * width) - largest);
        total              = fmaf(load_shared_result(partials + s * width + 1), factor, total);
    }
    for (auto d = static_cast<int32_t>(threadIdx.x); d < call.head_dim; d += n_threads) {
        float sum = 0.0F;
        for (int32_t s = 0; s < place.n_spans; s++) {
            const float factor = expf(load_shared_result(partials + s * width) - largest);
            sum                = fmaf(load_shared_result(partials + s * width + 2 + d), factor, sum);
        }
        out[d] = sum / total;
    }
}

template <ring_kind KIND, int32_t LANES>
KSTT_KERNEL KSTT_BOUNDS(n_threads, 1) attend(attention_call call) {
    const head_place place = find_place(call);
    if (!place.active) {
        return;
    }
    constexpr int32_t n_groups = n_threads / LANES;
    const block_room  room     = find_room(call, LANES);
    const int32_t     stride   = head_stride(call.head_dim);
    const auto        thread   = static_cast<int32_t>(threadIdx.x);
    prepare<KIND>(call, place, room);
    __syncthreads();
    score_keys<KIND, LANES>(call, place, room);
    __syncthreads();
    const span_sums sums = exponentiate(room);
    weigh_values<KIND, LANES>(call, place, room);
    __syncthreads();
    const auto flat     = static_cast<int64_t>(blockIdx.z);
    float *    out      = call.out + flat * call.out_stride + place.head * call.head_dim;
    const auto head     = flat * call.n_heads + place.head;
    const auto grid     = static_cast<int64_t>(gridDim.x);
    float *    partials = call.partials + head * grid * (stride + 2);
    float *    own      = partials + place.index * (stride + 2);
    for (int32_t d = thread; d < stride; d += n_threads) {
        float sum = 0.0F;
        for (int32_t g = 0; g < n_groups; g++) {
            sum += room.groups[g * stride + d];
        }
        if (place.n_spans > 1) {
            own[2 + d] = sum;
        } else if (d < call.head_dim) {
            out[d] = sum / sums.sum;
        }
    }
    if (place.n_spans == 1) {
        return;
    }
    if (thread == 0) {
        own[0] = sums.largest;
        own[1] = sums.sum;
    }
    __threadfence();
    __syncthreads();
    auto * ticket = reinterpret_cast<uint32_t *>(room.warps);
    if (thread == 0) {
        *ticket = atomicAdd(call.counters + head, 1U);
    }
    __syncthreads();
    if (*ticket != static_cast<uint32_t>(place.n_spans - 1)) {
        return;
    }
    __threadfence();
    join_spans(call, place, partials, out);
    if (thread == 0) {
        call.counters[head] = 0;
    }
}

template <ring_kind KIND, int32_t LANES>
void launch_lanes(stream & on, const attention_call & call) {
    const auto   stride = static_cast<size_t>(head_stride(call.head_dim));
    launch_shape shape;
    shape.grid_x    = static_cast<uint32_t>(max_spans(call.window));
    shape.grid_y    = static_cast<uint32_t>(call.n_heads);
    shape.grid_z    = static_cast<uint32_t>(call.n_rows * call.per_row);
    shape.n_threads = n_threads;
    shape.shared_bytes =
        (stride * (1 + n_threads / LANES + 2 * static_cast<size_t>(call.per_row)) + span + 8) * sizeof(float);
    launch(on, shape, attend<KIND, LANES>, call);
}

template <ring_kind KIND>
void launch_kind(stream & on, const attention_call & call) {
    const int32_t eights = head_stride(call.head_dim) / 8;
    if (eights <= 4) {
        return launch_lanes<KIND, 4>(on, call);
    }
    if (eights <= 8) {
        return launch_lanes<KIND, 8>(on, call);
    }
    if (eights <= 16) {
        return launch_lanes<KIND, 16>(on, call);
    }
    launch_lanes<KIND, 32>(on, call);
}

}  // namespace

size_t attention_scratch(int64_t n_columns, int64_t n_heads, int64_t head_dim, int64_t window) {
    return static_cast<size_t>(n_columns * n_heads * max_spans(window) *
                               (head_stride(static_cast<int32_t>(head_dim)) + 2));
}

void launch_attention(stream & on, const attention_call & call) {
    KSTT_CHECK(call.head_dim <= max_dim && call.capacity >= call.window + call.per_row - 1);
    switch (call.kind) {
    case ring_kind::f32:
        return launch_kind<ring_kind::f32>(on, call);
    case ring_kind::f16:
        return launch_kind<ring_kind::f16>(on, call);
    case ring_kind::q8:
        return launch_kind<ring_kind::q8>(on, call);
    }
}

}  // namespace kstt::gpu
