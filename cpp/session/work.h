// What pieces of work have in common: their input, how far they are, what they cost.
#pragma once

#include <cstdint>
#include <vector>

namespace kstt {

struct work_stats {
    int64_t codec_ns       = 0;
    int64_t codec_frames   = 0;
    int64_t decoder_ns     = 0;
    int64_t decoder_frames = 0;
    int64_t decoder_steps  = 0;
    int64_t resample_ns    = 0;
    int64_t step_ns        = 0;  // of rounds over all ready sessions, codec and decoder together
    int64_t max_step_ns    = 0;
    int64_t steps          = 0;
    int64_t replay_frames  = 0;  // of decoder_frames: steps shown again to a renewed state
};

struct work_progress {
    int64_t done  = 0;
    int64_t total = 0;

    bool finished() const { return done >= total; }
};

// input_values [n_rows][n_samples], kept as a copy.
struct audio_batch {
    std::vector<float> samples;
    int32_t            n_rows    = 0;
    int64_t            n_samples = 0;

    const float * row(int32_t i) const { return samples.data() + static_cast<int64_t>(i) * n_samples; }
};

}  // namespace kstt
