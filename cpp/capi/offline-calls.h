// What the calls on generations, encodings, decodings and forward passes share: input that is checked and copied,
// advancing, results.
#pragma once

#include "capi/handles.h"
#include "include/kstt.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

namespace kstt {

// Rows times samples is bounded so that no size computed from it can overflow: 2^40 samples are 530 days.
inline audio_batch copy_batch(const float * input_values, int32_t n_rows, size_t n_samples) {
    require(input_values != nullptr, "input_values must not be NULL");
    require(n_rows >= 1 && n_rows <= 4096, "n_rows must be 1 to 4096");
    require(n_samples >= 1 && n_samples <= (uint64_t{ 1 } << 40U) / static_cast<uint64_t>(n_rows),
            "n_samples must be at least 1, and n_rows * n_samples at most 2^40");
    const size_t n = static_cast<size_t>(n_rows) * n_samples;
    for (size_t i = 0; i < n; i++) {
        if (!std::isfinite(input_values[i])) {
            throw error(KSTT_STATUS_INVALID_AUDIO,
                        format("sample %zu of row %zu is not a finite number", i % n_samples, i / n_samples));
        }
    }
    audio_batch batch;
    batch.samples.assign(input_values, input_values + n);
    batch.n_rows    = n_rows;
    batch.n_samples = static_cast<int64_t>(n_samples);
    return batch;
}

inline kstt_progress to_progress(const work_progress & progress) {
    return { progress.done, progress.total, progress.finished() ? 1 : 0, 0 };
}

// `name`: the parameter that bounds one call, for messages.
template <typename H>
kstt_status advance_work(H * handle, int32_t limit, const char * name, kstt_progress * out, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(limit > 0, format("%s must be positive", name).c_str());
        require(out != nullptr, "out must not be NULL");
        *out = to_progress(owner->advance(*handle->object, limit));
    });
}

template <typename W>
void require_finished(const W & work, const char * name) {
    if (!work.progress().finished()) {
        throw error(KSTT_STATUS_INVALID_STATE, format("the %s is not finished; call advance until it is", name));
    }
}

template <typename T>
void copy_out(const std::vector<T> & from, T * to, size_t capacity) {
    require(to != nullptr && capacity >= from.size(), "the buffer is too small");
    std::copy(from.begin(), from.end(), to);
}

// *size tells how many values there are; they are copied unless `to` is NULL.
inline void read_out(const std::vector<float> & from, float * to, size_t capacity, size_t * size) {
    require(size != nullptr, "size must not be NULL");
    *size = from.size();
    if (to != nullptr) {
        copy_out(from, to, capacity);
    }
}

}  // namespace kstt
