// Offline work on whole inputs, as transformers does it: generate() and codec_model.encode(). State of its own; weights
// and threads are the engine's.
#pragma once

#include "model/mimi-encoder.h"
#include "model/stt-model.h"
#include "model/text-decoder.h"

#include <cstdint>
#include <memory>
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

// Greedy decoding on transformers' time line (spec 5.4): step 0 sees BOS and audio BOS, step s the codes of the
// codec's call s - 1. The output has BOS and one token per step.
class generation {
  public:
    // max_new_tokens < 0: one per whole frame. audio_window_size 0: whole input.
    generation(const stt_model & model,
               compute_backend & backend,
               audio_batch       batch,
               int32_t           max_new_tokens,
               int32_t           audio_window_size);

    work_progress advance(int64_t max_frames, work_stats & stats);

    work_progress progress() const;

    int32_t n_tokens() const { return 1 + static_cast<int32_t>(n_steps_); }

    // [n_rows][n_tokens]
    std::vector<int32_t> tokens() const;

  private:
    int64_t encode_some(work_stats & stats);
    int64_t decode_one(work_stats & stats);
    // Frame that the codec reads as its i-th: not i itself where a window is read twice (spec 5.4 b).
    int64_t frame_of_call(int64_t i) const;

    const stt_model &    model_;
    const audio_batch    batch_;
    const int64_t        window_;
    const int64_t        n_steps_;
    const int64_t        n_codes_;  // frames that the steps will read
    int64_t              encoded_ = 0;
    int64_t              step_    = 0;
    mimi_encoder         mimi_;
    text_decoder         decoder_;
    std::vector<int32_t> codes_;   // [n_codes][n_rows][num_codebooks], filled up to encoded_
    std::vector<int32_t> tokens_;  // [n_rows][n_tokens]
};

class encoding {
  public:
    encoding(const stt_model & model, compute_backend & backend, audio_batch batch);

    work_progress advance(int64_t max_frames, work_stats & stats);

    work_progress progress() const;

    int32_t n_frames() const { return static_cast<int32_t>(n_frames_); }

    // [n_rows][n_quantizers][n_frames]
    const std::vector<int32_t> & codes() const { return codes_; }

  private:
    const stt_model &    model_;
    const audio_batch    batch_;
    int64_t              n_frames_ = 0;
    int64_t              encoded_  = 0;
    mimi_encoder         mimi_;
    std::vector<int32_t> codes_;
};

}  // namespace kstt
