// Offline work on whole inputs, as transformers' generate() does it. State of its own; weights and threads are the
// engine's.
#pragma once

#include "model/networks.h"
#include "model/stt-model.h"
#include "session/draft-length.h"
#include "session/forward-pass.h"
#include "session/token-chooser.h"
#include "session/work.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kstt {

struct generation_options {
    int32_t         max_new_tokens    = -1;  // < 0: one per whole frame
    int32_t         audio_window_size = 0;   // 0: whole input
    int32_t         n_return          = 1;   // sequences per row of audio
    chooser_options chooser;
    bool            pause         = false;  // stop before every choice, for scores to be read and changed
    bool            record        = false;  // keep a cache of keys and values, and the last step's results
    bool            hidden_states = false;  // with record
    bool            attentions    = false;  // with record
};

// Decoding on transformers' time line (spec 5.4): step 0 sees BOS and audio BOS, step s the codes of the codec's call
// s - 1. The output has BOS and one token per step.
class generation {
  public:
    // Throws INVALID_ARGUMENT for options out of range.
    generation(const stt_model & model, networks & device, audio_batch batch, generation_options options);

    // network: used with record only. With pause, returns as soon as waiting().
    work_progress advance(int64_t max_frames, forward_network * network, work_stats & stats);

    work_progress progress() const;

    bool records() const { return options_.record; }

    int32_t n_rows() const { return n_rows_; }

    int32_t n_tokens() const { return 1 + static_cast<int32_t>(n_steps_); }

    // [n_rows][n_tokens]. INVALID_STATE before the generation is finished.
    std::vector<int32_t> tokens() const;

    // Between a step's scores and its choice (with pause).
    bool waiting() const { return waiting_; }

    // The last step's logits and scores, [n_rows][output_vocab_size]; scores are final once the step has chosen.
    // INVALID_STATE before the first step, and where neither rules nor pause ask for them.
    const std::vector<float> & logits() const;
    const std::vector<float> & scores() const;
    // Replaces the scores. INVALID_STATE unless waiting().
    void                       set_scores(std::vector<float> scores);
    // Makes the choice: the next token of every row. INVALID_STATE unless waiting().
    std::vector<int32_t>       choose();
    // Marks rows as done; once all are, the generation is finished.
    void                       finish_rows(const std::vector<uint8_t> & rows);

    // The last step as a forward pass, and the keys and values of all. INVALID_STATE without record.
    const forward_pass &           last_step() const;
    std::shared_ptr<decoder_cache> cache() const;

  private:
    int64_t       encode_some(work_stats & stats);
    // Some steps in one pass, without rules: those up to and including the first whose token is not the drafted one
    // count.
    int64_t       decode_some(work_stats & stats);
    // One step, under rules.
    int64_t       decode_one(forward_network * network, work_stats & stats);
    int64_t       n_to_decode() const;
    void          add_ids(int64_t row, int64_t column, std::vector<int32_t> & ids) const;
    // Steps of the last pass that all rows have right.
    int64_t       take_tokens(int64_t n_columns);
    void          run_step(std::vector<int32_t> ids, forward_network * network, work_stats & stats);
    // A row's logits of the step that was run last.
    const float * logits_of(int64_t row) const;
    // A row's token at a place of the output, BOS at 0.
    int32_t &     token_at(int64_t row, int64_t place);
    int32_t       token_at(int64_t row, int64_t place) const;
    void          append(const std::vector<int32_t> & tokens);
    void          check_waiting() const;
    // Frame that the codec reads as its i-th: not i itself where a window is read twice (spec 5.4 b).
    int64_t       frame_of_call(int64_t i) const;

    const stt_model &                model_;
    const audio_batch                batch_;
    const generation_options         options_;
    const int64_t                    window_;
    const int32_t                    n_rows_;       // rows of audio times sequences of each
    const int64_t                    n_limit_;      // steps at most
    int64_t                          n_steps_;      // less than n_limit_ where all rows ended early
    const int64_t                    n_codes_;      // frames that the steps will read
    const bool                       plain_;        // the best logit is the token, and nobody looks at steps
    const int64_t                    max_columns_;  // steps of a row in one pass
    int64_t                          encoded_ = 0;
    int64_t                          step_    = 0;
    draft_length                     draft_;
    bool                             waiting_ = false;
    std::unique_ptr<codec_network>   codec_;
    token_chooser                    chooser_;
    std::unique_ptr<decoder_network> decoder_;  // without record
    std::shared_ptr<decoder_cache>   cache_;    // with record
    std::unique_ptr<forward_pass>    pass_;     // with record: the last step
    std::vector<int32_t>             codes_;    // [n_codes][rows of audio][num_codebooks], filled up to encoded_
    std::vector<int32_t>             tokens_;   // [n_rows][1 + n_limit]
};

}  // namespace kstt
