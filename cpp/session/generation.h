// Offline work on whole inputs, as transformers' generate() does it. State of its own; weights and threads are the
// engine's.
#pragma once

#include "model/networks.h"
#include "model/stt-model.h"
#include "session/draft-length.h"
#include "session/work.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kstt {

// Greedy decoding on transformers' time line (spec 5.4): step 0 sees BOS and audio BOS, step s the codes of the
// codec's call s - 1. The output has BOS and one token per step.
class generation {
  public:
    // max_new_tokens < 0: one per whole frame. audio_window_size 0: whole input.
    generation(const stt_model & model,
               networks &        device,
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
    // Some steps in one pass: those up to and including the first whose token is not the drafted one count.
    int64_t decode_some(work_stats & stats);
    int64_t n_to_decode() const;
    void    add_ids(int64_t row, int64_t column, std::vector<int32_t> & ids) const;
    // Steps of the last pass that all rows have right.
    int64_t take_tokens(int64_t n_columns);
    // Frame that the codec reads as its i-th: not i itself where a window is read twice (spec 5.4 b).
    int64_t frame_of_call(int64_t i) const;

    const stt_model &                model_;
    const audio_batch                batch_;
    const int64_t                    window_;
    const int64_t                    n_steps_;
    const int64_t                    n_codes_;      // frames that the steps will read
    const int64_t                    max_columns_;  // steps of a row in one pass
    int64_t                          encoded_ = 0;
    int64_t                          step_    = 0;
    draft_length                     draft_;
    std::unique_ptr<codec_network>   codec_;
    std::unique_ptr<decoder_network> decoder_;
    std::vector<int32_t>             codes_;   // [n_codes][n_rows][num_codebooks], filled up to encoded_
    std::vector<int32_t>             tokens_;  // [n_rows][n_tokens]
};

}  // namespace kstt
