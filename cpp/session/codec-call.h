// How offline work goes through the codec: transformers' window and rounding, several frames per call.
#pragma once

#include "model/codec-network.h"
#include "session/work.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace kstt {

// Frames per codec call: enough columns over all rows for the products to be bound by arithmetic, activations of a few
// megabytes.
inline int32_t offline_chunk_frames(int32_t n_rows) {
    return static_cast<int32_t>(std::max<int64_t>(1, int64_t{ 8 } / n_rows));
}

inline mimi_options offline_codec_options(int32_t n_rows) {
    mimi_options options;
    options.n_slots             = n_rows;
    options.max_frames_per_call = offline_chunk_frames(n_rows);
    options.uniform_window      = true;
    options.precision           = rope_precision::reference;
    return options;
}

inline mimi_call codec_call(const audio_batch & batch, int64_t first_sample, int64_t n_samples) {
    mimi_call call;
    call.n_samples = n_samples;
    call.slots.resize(static_cast<size_t>(batch.n_rows));
    std::iota(call.slots.begin(), call.slots.end(), 0);
    for (int32_t row = 0; row < batch.n_rows; row++) {
        call.pcm.push_back(batch.row(row) + first_sample);
    }
    return call;
}

}  // namespace kstt
