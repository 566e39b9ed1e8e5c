#include "nn/cached-attention.h"

#include "kernels/kernels.h"
#include "nn/rope.h"
#include "runtime/error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace kstt {

namespace {

// Largest head the stack buffers below hold; checkpoints are checked against it when they are read.
constexpr int64_t max_head_dim = 1024;

// Multiply-adds of the scores from which on a chunk is worth another thread.
constexpr int64_t min_chunk_work = 50000;

struct attention_params {
    thread_pool *          pool;
    cached_attention_shape shape;
    attention_span *       span;
    int64_t                layer;
};

void store_row(ggml_type type, const float * from, void * memory, int64_t element, int64_t n) {
    if (type == GGML_TYPE_F16) {
        kernels().f32_to_f16(from, static_cast<uint16_t *>(memory) + element, n);
    } else {
        std::memcpy(static_cast<float *>(memory) + element, from, static_cast<size_t>(n) * sizeof(float));
    }
}

// Sources of the node: q, k, v, rope.
void append(const ggml_tensor * out, const attention_params & params) {
    const cached_attention_shape & shape   = params.shape;
    const kv_memory &              memory  = params.span->layers[static_cast<size_t>(params.layer)];
    const auto *                   k       = static_cast<const float *>(out->src[1]->data);
    const auto *                   v       = static_cast<const float *>(out->src[2]->data);
    const auto *                   rope    = static_cast<const float *>(out->src[3]->data);
    const int64_t                  columns = out->ne[1];
    const int64_t                  width   = shape.n_kv_heads * shape.head_dim;
    for (int64_t i = 0; i < columns * out->ne[2]; i++) {
        const int64_t place   = (params.span->first_place + i % columns) % memory.capacity;
        const int64_t element = (i / columns * memory.capacity + place) * width;
        for (int64_t head = 0; head < shape.n_kv_heads; head++) {
            float rotated[max_head_dim];
            rotate_half(k + i * width + head * shape.head_dim, rope + i * shape.head_dim, shape.head_dim, rotated);
            store_row(shape.type, rotated, memory.keys, element + head * shape.head_dim, shape.head_dim);
        }
        store_row(shape.type, v + i * width, memory.values, element, width);
    }
}

// One query: which places it sees, and what is added to their scores.
class visible_keys {
  public:
    visible_keys(const attention_span & span, int64_t row, int64_t head, int64_t place, float * bias)
        : first_(span.first_key), end_(span.bias != nullptr ? span.first_key + span.n_keys : place + 1) {
        if (span.bias == nullptr && span.mask == nullptr && span.sequences == nullptr) {
            return;
        }
        const int64_t query   = place - span.first_query;
        const float * added   = bias_row(span, row, head, query);
        int64_t       n_shown = 0;
        for (int64_t key = first_; key < end_; key++) {
            const bool shown = is_shown(span, row, query, key);
            bias[key - first_] =
                shown ? (added != nullptr ? added[key - first_] : 0.0F) : -std::numeric_limits<float>::infinity();
            n_shown += bias[key - first_] > -std::numeric_limits<float>::infinity() ? 1 : 0;
        }
        trim(span, bias, n_shown);
    }

    int64_t first() const { return first_; }

    int64_t size() const { return end_ - first_; }

    // Of the first() key and those behind it; nullptr: nothing is added.
    const float * bias() const { return bias_; }

  private:
    static const float * bias_row(const attention_span & span, int64_t row, int64_t head, int64_t query) {
        if (span.bias == nullptr) {
            return nullptr;
        }
        const int64_t plane = (row % span.bias_rows) * span.bias_heads + head % span.bias_heads;
        return span.bias + (plane * span.n_queries + query) * span.n_keys;
    }

    static bool is_shown(const attention_span & span, int64_t row, int64_t query, int64_t key) {
        if (span.mask != nullptr && span.mask[row * span.n_keys + key - span.first_key] == 0) {
            return false;
        }
        const int64_t other = key - span.first_query;
        return span.sequences == nullptr || other < 0 ||
               span.sequences[row * span.n_queries + query] == span.sequences[row * span.n_queries + other];
    }

    // Padding at either end is left out rather than added: a padded row then gives the bits of the row alone.
    void trim(const attention_span & span, const float * bias, int64_t n_shown) {
        const int64_t start = first_;
        const auto hidden   = [&](int64_t key) { return bias[key - start] == -std::numeric_limits<float>::infinity(); };
        while (end_ > first_ && hidden(first_)) {
            first_++;
        }
        while (end_ > first_ && hidden(end_ - 1)) {
            end_--;
        }
        if (span.bias != nullptr || n_shown < end_ - first_) {
            bias_ = bias + (first_ - start);
        }
    }

    int64_t       first_;
    int64_t       end_;
    const float * bias_ = nullptr;
};

// One query head of one column.
void attend_item(ggml_tensor * out, const attention_params & params, int64_t item, float * scratch) {
    const cached_attention_shape & shape   = params.shape;
    const attention_span &         span    = *params.span;
    const kv_memory &              memory  = span.layers[static_cast<size_t>(params.layer)];
    const int64_t                  width   = shape.n_kv_heads * shape.head_dim;
    const size_t                   size    = shape.type == GGML_TYPE_F16 ? 2 : 4;
    const int64_t                  head    = item % shape.n_heads;
    const int64_t                  column  = item / shape.n_heads % out->ne[1];
    const int64_t                  row     = item / shape.n_heads / out->ne[1];
    const int64_t                  place   = span.first_place + column;
    const int64_t                  kv_head = head / (shape.n_heads / shape.n_kv_heads);
    float *                        result  = static_cast<float *>(out->data) + item * shape.head_dim;
    const visible_keys             visible(span, row, head, place, scratch + span.n_keys);
    if (visible.size() == 0) {
        std::fill(result, result + shape.head_dim, 0.0F);
        return;
    }
    float rotated[max_head_dim];
    rotate_half(static_cast<const float *>(out->src[0]->data) + item * shape.head_dim,
                static_cast<const float *>(out->src[3]->data) + (row * out->ne[1] + column) * shape.head_dim,
                shape.head_dim,
                rotated);
    const size_t   offset = static_cast<size_t>(row * memory.capacity * width + kv_head * shape.head_dim) * size;
    attention_args args;
    args.q        = rotated;
    args.k        = static_cast<const char *>(memory.keys) + offset;
    args.v        = static_cast<const char *>(memory.values) + offset;
    args.kind     = shape.type == GGML_TYPE_F16 ? weight_kind::f16 : weight_kind::f32;
    args.stride   = width;
    args.capacity = memory.capacity;
    args.first    = visible.first();
    args.n_keys   = visible.size();
    args.head_dim = shape.head_dim;
    args.scale    = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
    args.bias     = visible.bias();
    args.scores   = scratch;
    args.out      = result;
    kernels().attend(args);
    if (!span.weights.empty()) {
        const int64_t query = (row * shape.n_heads + head) * span.n_queries + place - span.first_query;
        std::copy(scratch,
                  scratch + args.n_keys,
                  span.weights[static_cast<size_t>(params.layer)] + query * span.n_keys + args.first - span.first_key);
    }
}

void compute_attention(ggml_tensor * out, int, int, void * userdata) {
    const auto &     params    = *static_cast<const attention_params *>(userdata);
    attention_span & span      = *params.span;
    const int64_t    n_items   = out->ne[1] * out->ne[2] * params.shape.n_heads;
    const int64_t    n_threads = params.pool->n_threads();
    const int64_t    by_work   = n_items * params.shape.head_dim * span.n_keys / min_chunk_work;
    const int64_t n_chunks = n_threads == 1 ? 1 : std::max<int64_t>(1, std::min({ by_work, n_items, 4 * n_threads }));
    append(out, params);
    params.pool->run(n_chunks, [&](int64_t chunk, int32_t thread) {
        float *          scratch = span.scratch.data() + int64_t{ 2 } * thread * span.n_keys;
        const work_range share   = share_work(n_items, chunk, n_chunks);
        for (int64_t item = share.begin; item < share.end; item++) {
            attend_item(out, params, item, scratch);
        }
    });
}

}  // namespace

void attention_span::fit_scratch(int32_t n_threads) {
    scratch.resize(static_cast<size_t>(n_threads) * 2 * static_cast<size_t>(n_keys));
}

ggml_tensor * build_cached_attention(graph_scope &                  g,
                                     const cached_attention_shape & shape,
                                     attention_span &               span,
                                     int64_t                        layer,
                                     ggml_tensor *                  rope,
                                     ggml_tensor *                  q,
                                     ggml_tensor *                  k,
                                     ggml_tensor *                  v) {
    KSTT_CHECK(shape.head_dim <= max_head_dim && ggml_is_contiguous(q) && ggml_is_contiguous(k) &&
               ggml_is_contiguous(v));
    return g.custom({ q, k, v, rope },
                    compute_attention,
                    attention_params{ g.pool(), shape, &span, layer },
                    GGML_TYPE_F32,
                    q->ne[0],
                    q->ne[1],
                    q->ne[2]);
}

}  // namespace kstt
