// The C ABI: caches of keys and values, and forward passes over known inputs.
#include "capi/offline-calls.h"
#include "include/kstt.h"

#include <cmath>
#include <memory>
#include <utility>

using namespace kstt;

namespace {

constexpr int32_t max_rows = 4096;

// Rows times positions of one pass: far beyond what fits any memory, and no size computed from it can overflow.
constexpr int64_t max_columns = int64_t{ 1 } << 26;

decoder_cache & cache_of(const kstt_cache * handle) {
    engine_of(handle);
    handle->object->check_free();
    return *handle->object;
}

template <typename T>
std::vector<T> copied(const T * values, int64_t n) {
    return values == nullptr ? std::vector<T>() : std::vector<T>(values, values + n);
}

forward_inputs inputs_of(const kstt_forward_params & params, const model_config & config, const decoder_cache * cache) {
    require(params.n_rows >= 1 && params.n_rows <= max_rows, "n_rows must be 1 to 4096");
    require(params.n_positions >= 1 && params.n_positions <= max_columns / params.n_rows,
            "n_positions must be at least 1, and n_rows * n_positions at most 2^26");
    require(params.ids == nullptr || (params.n_streams >= 1 && params.n_streams <= 1 + config.decoder.num_codebooks),
            "n_streams must be 1 or 1 + n_codebooks");
    require(is_flag(params.packed) && is_flag(params.want_logits) && is_flag(params.labels_shifted) &&
                is_flag(params.hidden_states) && is_flag(params.attentions),
            "packed, want_logits, labels_shifted, hidden_states and attentions must be 0 or 1");
    require(params.n_keep >= 0 && (params.keep != nullptr || params.n_keep == 0), "n_keep must fit keep");
    require(params.labels == nullptr || params.want_logits == 1, "labels need want_logits");
    require(params.loss_items >= 0.0 && std::isfinite(params.loss_items), "loss_items must be a number from 0 on");
    require(params.mask == nullptr || params.n_mask <= static_cast<size_t>(max_columns), "n_mask is out of range");
    require(params.bias == nullptr ||
                (params.bias_rows >= 1 && params.bias_rows <= params.n_rows && params.bias_heads >= 1 &&
                 params.bias_heads <= config.decoder.num_attention_heads),
            "bias_rows must be 1 or n_rows, bias_heads 1 or the number of heads");
    const int64_t  n_rows    = params.n_rows;
    const int64_t  n_columns = n_rows * params.n_positions;
    const int64_t  n_keys    = params.n_positions + (cache != nullptr ? cache->n_stored() : 0);
    forward_inputs inputs;
    inputs.n_rows      = n_rows;
    inputs.n_positions = params.n_positions;
    inputs.n_streams   = params.n_streams;
    inputs.ids         = copied(params.ids, n_columns * params.n_streams);
    inputs.embeds      = copied(params.embeds, n_columns * config.decoder.hidden_size);
    inputs.positions   = copied(params.positions, n_columns);
    inputs.packed      = params.packed == 1;
    inputs.mask        = copied(params.mask, n_rows * static_cast<int64_t>(params.n_mask));
    inputs.bias = copied(params.bias, int64_t{ params.bias_rows } * params.bias_heads * params.n_positions * n_keys);
    inputs.bias_rows     = params.bias_rows;
    inputs.bias_heads    = params.bias_heads;
    inputs.want_logits   = params.want_logits == 1;
    inputs.logits_of_all = params.keep == nullptr;
    inputs.keep          = copied(params.keep, params.n_keep);
    inputs.labels = copied(params.labels, n_rows * (params.keep == nullptr ? params.n_positions : params.n_keep));
    inputs.labels_shifted = params.labels_shifted == 1;
    inputs.ignore_index   = params.ignore_index;
    inputs.loss_items     = params.loss_items;
    inputs.hidden_states  = params.hidden_states == 1;
    inputs.attentions     = params.attentions == 1;
    return inputs;
}

const std::vector<float> & result_of(const forward_pass & pass, int32_t what, int32_t index) {
    switch (what) {
    case KSTT_FORWARD_LOGITS:
        return pass.logits();
    case KSTT_FORWARD_HIDDEN_STATE:
        return pass.hidden_state(index);
    case KSTT_FORWARD_ATTENTION:
        return pass.attention(index);
    default:
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "what must be one of KSTT_FORWARD_*");
    }
}

}  // namespace

kstt_status kstt_cache_create(
    kstt_engine * handle, int32_t n_rows, int32_t window, kstt_cache ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(n_rows >= 1 && n_rows <= max_rows, "n_rows must be 1 to 4096");
        return make_child<kstt_cache>(owner, owner->create_cache(n_rows, window));
    });
}

kstt_status kstt_cache_copy(const kstt_cache * handle, kstt_cache ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        const decoder_cache & cache = cache_of(handle);
        return make_child<kstt_cache>(engine_of(handle), std::make_shared<decoder_cache>(cache));
    });
}

void kstt_cache_free(kstt_cache * handle) {
    delete handle;
}

kstt_status kstt_cache_get_info(const kstt_cache * handle, kstt_cache_info * out, kstt_error * err) {
    return guarded(err, [&] {
        const decoder_cache & cache = cache_of(handle);
        require(out != nullptr, "out must not be NULL");
        *out            = {};
        out->n_rows     = static_cast<int32_t>(cache.n_rows());
        out->n_layers   = static_cast<int32_t>(cache.n_layers());
        out->n_kv_heads = static_cast<int32_t>(cache.n_kv_heads());
        out->head_dim   = static_cast<int32_t>(cache.head_dim());
        out->window     = static_cast<int32_t>(cache.window());
        out->n_seen     = cache.n_seen();
        out->n_stored   = cache.n_stored();
    });
}

kstt_status kstt_cache_read(
    const kstt_cache * handle, int32_t layer, float * keys, float * values, size_t capacity, kstt_error * err) {
    return guarded(err, [&] {
        const decoder_cache & cache  = cache_of(handle);
        const auto            needed = static_cast<size_t>(cache.n_rows() * cache.n_kv_heads() * cache.n_stored()) *
                            static_cast<size_t>(cache.head_dim());
        require(layer >= 0 && layer < cache.n_layers(), "there is no such layer");
        require((keys != nullptr && values != nullptr) || needed == 0, "keys and values must not be NULL");
        require(capacity >= needed, "the buffers are too small");
        cache.read(layer, keys, values);
    });
}

kstt_status kstt_cache_import(kstt_cache *          handle,
                              int64_t               n_positions,
                              const float * const * keys,
                              const float * const * values,
                              kstt_error *          err) {
    return guarded(err, [&] {
        decoder_cache & cache = cache_of(handle);
        require(keys != nullptr && values != nullptr, "keys and values must not be NULL");
        require(n_positions >= 1 && n_positions <= max_columns / cache.n_rows(), "n_positions is out of range");
        for (int64_t layer = 0; layer < cache.n_layers(); layer++) {
            require(keys[layer] != nullptr && values[layer] != nullptr, "keys and values must not be NULL");
        }
        cache.import(n_positions, keys, values);
    });
}

kstt_status kstt_cache_crop(kstt_cache * handle, int64_t n, kstt_error * err) {
    return guarded(err, [&] { cache_of(handle).crop(n); });
}

kstt_status kstt_cache_select(kstt_cache * handle, const int32_t * rows, int32_t n, kstt_error * err) {
    return guarded(err, [&] {
        decoder_cache & cache = cache_of(handle);
        require(rows != nullptr && n >= 1 && n <= max_rows, "rows must be 1 to 4096 numbers");
        cache.select(copied(rows, n));
    });
}

kstt_status kstt_cache_reset(kstt_cache * handle, kstt_error * err) {
    return guarded(err, [&] { cache_of(handle).reset(); });
}

kstt_forward_params kstt_forward_default_params(void) {
    kstt_forward_params params = {};
    params.want_logits         = 1;
    params.ignore_index        = -100;
    params.bias_rows           = 1;
    params.bias_heads          = 1;
    return params;
}

kstt_status kstt_forward_create(kstt_engine *               handle,
                                kstt_cache *                cache,
                                const kstt_forward_params * params,
                                kstt_forward **             out,
                                kstt_error *                err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(params != nullptr, "params must not be NULL");
        std::shared_ptr<decoder_cache> used;
        if (cache != nullptr) {
            require(engine_of(cache) == owner, "the cache belongs to another engine");
            used = cache->object;
            used->check_free();
        }
        forward_inputs inputs = inputs_of(*params, owner->model().config, used.get());
        return make_child<kstt_forward>(owner, owner->create_forward(std::move(inputs), std::move(used)));
    });
}

kstt_status kstt_forward_advance(kstt_forward * handle, int32_t max_positions, kstt_progress * out, kstt_error * err) {
    return advance_work(handle, max_positions, "max_positions", out, err);
}

kstt_status kstt_forward_read(const kstt_forward * handle,
                              int32_t              what,
                              int32_t              index,
                              float *              out,
                              size_t               capacity,
                              size_t *             size,
                              kstt_error *         err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        read_out(result_of(*handle->object, what, index), out, capacity, size);
    });
}

kstt_status kstt_forward_loss(const kstt_forward * handle, double * out, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(out != nullptr, "out must not be NULL");
        *out = handle->object->loss();
    });
}

void kstt_forward_free(kstt_forward * handle) {
    delete handle;
}
