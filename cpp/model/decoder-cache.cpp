#include "model/decoder-cache.h"

#include "kernels/kernels.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kstt {

namespace {

// Places added at a time: a cache that grows step by step is moved rarely.
constexpr int64_t min_growth = 64;

size_t element_bytes(ggml_type type) {
    return type == GGML_TYPE_F16 ? 2 : 4;
}

void to_floats(ggml_type type, const uint8_t * from, float * to, int64_t n) {
    if (type == GGML_TYPE_F16) {
        ggml_fp16_to_fp32_row(reinterpret_cast<const ggml_fp16_t *>(from), to, n);
    } else {
        std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
    }
}

void from_floats(ggml_type type, const float * from, uint8_t * to, int64_t n) {
    if (type == GGML_TYPE_F16) {
        kernels().f32_to_f16(from, reinterpret_cast<uint16_t *>(to), n);
    } else {
        std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
    }
}

}  // namespace

decoder_cache::decoder_cache(const decoder_weights & weights, int64_t n_rows, int64_t window)
    : n_rows_(n_rows), n_kv_heads_(weights.config.num_key_value_heads), head_dim_(weights.config.head_dim),
      window_(window), type_(weights.ring_type), layers_(weights.blocks.size()) {}

decoder_cache::decoder_cache(const decoder_cache & other)
    : n_rows_(other.n_rows_), n_kv_heads_(other.n_kv_heads_), head_dim_(other.head_dim_), window_(other.window_),
      type_(other.type_), capacity_(other.capacity_), n_seen_(other.n_seen_), layers_(other.layers_) {}

size_t decoder_cache::place_bytes() const {
    return static_cast<size_t>(n_kv_heads_ * head_dim_) * element_bytes(type_);
}

size_t decoder_cache::n_bytes() const {
    return layers_.size() * 2 * static_cast<size_t>(n_rows_ * capacity_) * place_bytes();
}

void decoder_cache::copy_row(const std::vector<uint8_t> & source,
                             int64_t                      from,
                             std::vector<uint8_t> &       target,
                             int64_t                      to,
                             int64_t                      target_capacity) const {
    const size_t bytes = place_bytes();
    for (int64_t place = first_stored(); place < n_seen_; place++) {
        std::memcpy(target.data() + static_cast<size_t>(to * target_capacity + place % target_capacity) * bytes,
                    source.data() + static_cast<size_t>(from * capacity_ + place % capacity_) * bytes,
                    bytes);
    }
}

void decoder_cache::reserve(int64_t n_new) {
    const int64_t needed = n_stored() + n_new;
    if (needed <= capacity_) {
        return;
    }
    const int64_t grown    = std::max(needed, n_stored() + std::max(min_growth, capacity_));
    // With a window no more is ever kept than window - 1 places; a longer call is rare.
    const int64_t enough   = window_ > 0 ? std::max(needed, window_) : grown;
    const int64_t capacity = std::min(grown, enough);
    const size_t  bytes    = static_cast<size_t>(n_rows_ * capacity) * place_bytes();
    for (layer_data & layer : layers_) {
        for (std::vector<uint8_t> * data : { &layer.keys, &layer.values }) {
            std::vector<uint8_t> fresh(bytes);
            for (int64_t row = 0; row < n_rows_; row++) {
                copy_row(*data, row, fresh, row, capacity);
            }
            *data = std::move(fresh);
        }
    }
    capacity_ = capacity;
}

void decoder_cache::commit(int64_t n_new) {
    n_seen_ += n_new;
}

std::vector<kv_memory> decoder_cache::memory() {
    std::vector<kv_memory> result;
    result.reserve(layers_.size());
    for (layer_data & layer : layers_) {
        result.push_back({ layer.keys.data(), layer.values.data(), capacity_ });
    }
    return result;
}

void decoder_cache::read(int64_t layer, float * keys, float * values) const {
    KSTT_CHECK(layer >= 0 && layer < n_layers());
    const layer_data & data       = layers_[static_cast<size_t>(layer)];
    const size_t       head_bytes = static_cast<size_t>(head_dim_) * element_bytes(type_);
    for (int64_t row = 0; row < n_rows_; row++) {
        for (int64_t head = 0; head < n_kv_heads_; head++) {
            for (int64_t place = first_stored(); place < n_seen_; place++) {
                const size_t offset = static_cast<size_t>(row * capacity_ + place % capacity_) * place_bytes() +
                                      static_cast<size_t>(head) * head_bytes;
                to_floats(type_, data.keys.data() + offset, keys, head_dim_);
                to_floats(type_, data.values.data() + offset, values, head_dim_);
                keys += head_dim_;
                values += head_dim_;
            }
        }
    }
}

void decoder_cache::import(int64_t n, const float * const * keys, const float * const * values) {
    reset();
    reserve(n);
    n_seen_                 = n;
    const size_t head_bytes = static_cast<size_t>(head_dim_) * element_bytes(type_);
    for (size_t layer = 0; layer < layers_.size(); layer++) {
        const float * key   = keys[layer];
        const float * value = values[layer];
        for (int64_t i = 0; i < n_rows_ * n_kv_heads_ * n; i++) {
            const int64_t place  = i % n;
            const int64_t head   = i / n % n_kv_heads_;
            const int64_t row    = i / n / n_kv_heads_;
            const size_t  offset = static_cast<size_t>(row * capacity_ + place % capacity_) * place_bytes() +
                                  static_cast<size_t>(head) * head_bytes;
            from_floats(type_, key + i * head_dim_, layers_[layer].keys.data() + offset, head_dim_);
            from_floats(type_, value + i * head_dim_, layers_[layer].values.data() + offset, head_dim_);
        }
    }
}

void decoder_cache::crop(int64_t n) {
    if (n < 0 || n > n_seen_) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("cannot remove %lld positions from a cache that has seen %lld",
                           static_cast<long long>(n),
                           static_cast<long long>(n_seen_)));
    }
    if (n > 0 && first_stored() > 0) {
        throw error(
            KSTT_STATUS_INVALID_STATE,
            format("the cache has seen %lld positions and keeps the last %lld of them; what a shorter one would "
                   "need is gone",
                   static_cast<long long>(n_seen_),
                   static_cast<long long>(n_stored())));
    }
    n_seen_ -= n;
}

void decoder_cache::select(const std::vector<int32_t> & rows) {
    for (const int32_t row : rows) {
        if (row < 0 || row >= n_rows_) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        format("row %d is outside a cache of %d rows", row, static_cast<int>(n_rows_)));
        }
    }
    const auto   n_selected = static_cast<int64_t>(rows.size());
    const size_t bytes      = static_cast<size_t>(n_selected * capacity_) * place_bytes();
    for (layer_data & layer : layers_) {
        for (std::vector<uint8_t> * data : { &layer.keys, &layer.values }) {
            std::vector<uint8_t> fresh(bytes);
            for (int64_t i = 0; i < n_selected; i++) {
                copy_row(*data, rows[static_cast<size_t>(i)], fresh, i, capacity_);
            }
            *data = std::move(fresh);
        }
    }
    n_rows_ = n_selected;
}

void decoder_cache::reset() {
    n_seen_ = 0;
}

void decoder_cache::lend() {
    if (lent_.exchange(true)) {
        throw error(KSTT_STATUS_INVALID_STATE, "a forward pass uses this cache; finish or free that first");
    }
}

void decoder_cache::give_back() {
    lent_ = false;
}

void decoder_cache::check_free() const {
    if (lent_) {
        throw error(KSTT_STATUS_INVALID_STATE, "a forward pass uses this cache; finish or free that first");
    }
}

}  // namespace kstt
