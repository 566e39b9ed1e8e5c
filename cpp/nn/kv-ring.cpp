#include "nn/kv-ring.h"

#include "kernels/kernels.h"
#include "nn/rope.h"
#include "runtime/error.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kstt {

namespace {

// Largest head the stack buffers below hold; checkpoints are checked against it when they are read.
constexpr int64_t max_head_dim = 1024;

// Multiply-adds of the scores from which on a chunk is worth another thread.
constexpr int64_t min_chunk_work = 50000;

void write_row(ggml_type type, const float * from, void * ring, int64_t element, int64_t n) {
    if (type == GGML_TYPE_F16) {
        kernels().f32_to_f16(from, static_cast<uint16_t *>(ring) + element, n);
    } else {
        std::memcpy(static_cast<float *>(ring) + element, from, static_cast<size_t>(n) * sizeof(float));
    }
}

// dst = the key ring itself; sources: key ring, k, v, value ring, rope, slots, positions
void compute_append(ggml_tensor * dst, int, int, void * userdata) {
    const auto &        shape     = *static_cast<const kv_ring_shape *>(userdata);
    const ggml_tensor * k         = dst->src[1];
    const ggml_tensor * v         = dst->src[2];
    const ggml_tensor * rope      = dst->src[4];
    const auto *        slots     = static_cast<const int32_t *>(dst->src[5]->data);
    const auto *        positions = static_cast<const int32_t *>(dst->src[6]->data);
    const int64_t       columns   = k->ne[1];
    const int64_t       width     = shape.n_kv_heads * shape.head_dim;
    for (int64_t item = 0; item < columns * k->ne[2] * shape.n_kv_heads; item++) {
        const int64_t head    = item % shape.n_kv_heads;
        const int64_t column  = item / shape.n_kv_heads % columns;
        const int64_t row     = item / shape.n_kv_heads / columns;
        const int64_t place   = (positions[row] + column) % shape.capacity;
        const int64_t source  = (row * columns + column) * width + head * shape.head_dim;
        const int64_t element = (slots[row] * shape.capacity + place) * width + head * shape.head_dim;
        float         rotated[max_head_dim];
        rotate_half(static_cast<const float *>(k->data) + source,
                    static_cast<const float *>(rope->data) + (row * columns + column) * shape.head_dim,
                    shape.head_dim,
                    rotated);
        write_row(shape.type, rotated, dst->data, element, shape.head_dim);
        write_row(shape.type, static_cast<const float *>(v->data) + source, dst->src[3]->data, element, shape.head_dim);
    }
}

struct attend_params {
    thread_pool *      pool;
    kv_ring_shape      shape;
    std::vector<float> scratch;  // [n_threads][window]
};

// One query head of one column. sources of out: q, key ring, value ring, rope, slots, positions
void attend_item(ggml_tensor * out, const kv_ring_shape & shape, int64_t item, float * scores) {
    const ggml_tensor * q         = out->src[0];
    const ggml_tensor * rope      = out->src[3];
    const auto *        slots     = static_cast<const int32_t *>(out->src[4]->data);
    const auto *        positions = static_cast<const int32_t *>(out->src[5]->data);
    const int64_t       columns   = q->ne[1];
    const int64_t       width     = shape.n_kv_heads * shape.head_dim;
    const size_t        size      = shape.type == GGML_TYPE_F16 ? 2 : 4;
    const int64_t       head      = item % shape.n_heads;
    const int64_t       column    = item / shape.n_heads % columns;
    const int64_t       row       = item / shape.n_heads / columns;
    const int64_t       position  = positions[row] + column;
    const int64_t       window    = shape.window - (shape.group - 1 - position % shape.group);
    const int64_t       source    = (row * columns + column) * shape.n_heads * shape.head_dim + head * shape.head_dim;
    const int64_t       kv_head   = head / (shape.n_heads / shape.n_kv_heads);
    const size_t offset = static_cast<size_t>(slots[row] * shape.capacity * width + kv_head * shape.head_dim) * size;
    float        rotated[max_head_dim];
    rotate_half(static_cast<const float *>(q->data) + source,
                static_cast<const float *>(rope->data) + (row * columns + column) * shape.head_dim,
                shape.head_dim,
                rotated);

    attention_args args;
    args.q        = rotated;
    args.k        = static_cast<const char *>(out->src[1]->data) + offset;
    args.v        = static_cast<const char *>(out->src[2]->data) + offset;
    args.kind     = shape.type == GGML_TYPE_F16 ? weight_kind::f16 : weight_kind::f32;
    args.stride   = width;
    args.capacity = shape.capacity;
    args.first    = std::max<int64_t>(0, position - window + 1);
    args.n_keys   = position - args.first + 1;
    args.head_dim = shape.head_dim;
    args.scale    = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
    args.scores   = scores;
    args.out      = static_cast<float *>(out->data) + source;
    kernels().attend(args);
}

void compute_attend(ggml_tensor * out, int, int, void * userdata) {
    auto &        params    = *static_cast<attend_params *>(userdata);
    const int64_t n_items   = out->ne[1] * out->ne[2] * params.shape.n_heads;
    // A head over a short window takes a microsecond: hand out several at a time.
    const int64_t n_threads = params.pool->n_threads();
    const int64_t by_work   = n_items * params.shape.head_dim * params.shape.window / min_chunk_work;
    const int64_t n_chunks  = n_threads == 1 ? 1 : std::max<int64_t>(1, std::min({ by_work, n_items, 4 * n_threads }));
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t thread) {
        float *          scores = params.scratch.data() + thread * params.shape.window;
        const work_range share  = share_work(n_items, chunk, n_chunks);
        for (int64_t item = share.begin; item < share.end; item++) {
            attend_item(out, params.shape, item, scores);
        }
    });
}

}  // namespace

kv_ring declare_kv_ring(state_layout & layout, const std::string & name, const kv_ring_shape & shape) {
    KSTT_CHECK(shape.head_dim <= max_head_dim && shape.group <= shape.window && shape.capacity >= shape.window);
    kv_ring ring;
    ring.shape = shape;
    ring.keys  = layout.declare(name + ".keys", shape.type, shape.n_kv_heads * shape.head_dim, shape.capacity, false);
    ring.values =
        layout.declare(name + ".values", shape.type, shape.n_kv_heads * shape.head_dim, shape.capacity, false);
    return ring;
}

ggml_tensor * build_ring_attention(graph_scope &          g,
                                   const kv_ring &        ring,
                                   const state_arena &    state,
                                   const attention_rows & rows,
                                   ggml_tensor *          q,
                                   ggml_tensor *          k,
                                   ggml_tensor *          v) {
    // A call may not overwrite keys that its own first query still needs.
    KSTT_CHECK(ring.shape.capacity >= ring.shape.window + q->ne[1] - 1);
    ggml_tensor * values = state.tensor(ring.values);
    ggml_tensor * keys   = g.custom_in_place(
        state.tensor(ring.keys), { k, v, values, rows.rope, rows.slots, rows.positions }, compute_append, ring.shape);
    attend_params params;
    params.pool  = g.pool();
    params.shape = ring.shape;
    params.scratch.resize(static_cast<size_t>(g.pool()->n_threads()) * static_cast<size_t>(ring.shape.window));
    return g.custom({ q, keys, values, rows.rope, rows.slots, rows.positions },
                    compute_attend,
                    std::move(params),
                    GGML_TYPE_F32,
                    q->ne[0],
                    q->ne[1],
                    q->ne[2]);
}

}  // namespace kstt
