// Renewal of a decoder's state: when, and from what. The published models may fall silent or repeat themselves once
// their attention window is full; a fresh state that has heard the last seconds again does not.
//
// The codes and tokens of the last steps are kept. A renewal clears the decoder's state and shows it these steps
// again, the tokens as they were: nothing is said twice. After a stall, the steps that brought nothing are taken anew.
#pragma once

#include "session/stall-detector.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace kstt {

enum class refresh_reason : int32_t { none = 0, pause = 1, limit = 2, stall = 3 };

struct refresh_options {
    bool    enabled      = false;
    int32_t pause_steps  = 0;  // from this many steps since the last renewal on, a pause is used; 0: chosen
    int32_t limit_steps  = 0;  // at this many, nothing is waited for; 0: chosen
    int32_t replay_steps = 0;  // shown again; 0: chosen

    template <typename Archive>
    void archive(Archive & a) {
        a(enabled, pause_steps, limit_steps, replay_steps);
    }
};

class refresh_keeper {
  public:
    // window: steps the decoder's attention reaches back.
    refresh_keeper(const refresh_options & options,
                   int64_t                 window,
                   int64_t                 n_codes,
                   double                  frame_rate,
                   double                  delay_seconds,
                   int32_t                 pad_id);

    struct taken_step {
        int64_t         step    = 0;
        const int32_t * codes   = nullptr;  // [n_codes] of the frame it consumed; nullptr at step 0
        int32_t         token   = 0;        // that it emitted
        bool            is_text = false;    // a boundary or a piece
        bool            speech  = false;    // the frame was as loud as speech
    };

    // Keeps the step. What is due before the next one: the state is then renewed with replay_ids() from where begin()
    // put it, and decoding goes on at step next_step().
    refresh_reason push(const taken_step & step);

    // First step that is decoded, not shown, after the renewal.
    int64_t next_step() const { return next_step_; }

    // Codes of the steps that are decoded again, oldest first: [n][n_codes].
    const std::vector<int32_t> & codes_again() const { return codes_again_; }

    // Token before next_step().
    int32_t token_before() const { return token_before_; }

    bool is_replaying() const { return shown_ < replay_.size(); }

    int64_t n_replay_left() const { return static_cast<int64_t>(replay_.size() - shown_) / (1 + n_codes_); }

    // True before the first column of a replay: the state has to be cleared.
    bool is_at_start() const { return shown_ == 0; }

    // Appends the input ids of up to max_columns columns; returns how many.
    int64_t replay_ids(int64_t max_columns, std::vector<int32_t> & ids) const;
    void    replayed(int64_t n_columns);

    // Start tokens of step 0, for the first column of a replay: text id, then one id for all audio streams.
    void set_start(int32_t text_id, int32_t audio_id) { start_text_ = text_id, start_audio_ = audio_id; }

    const refresh_options & limits() const { return options_; }

    // Steps kept.
    int64_t capacity() const { return capacity_; }

    void reset();

    // After archive() has read: nothing reaches beyond the model's tables.
    bool is_sound(int32_t n_tokens, int32_t n_codes) const;

    template <typename Archive>
    void archive(Archive & a) {
        a(codes_, tokens_, stalls_, since_, n_pads_, next_step_, codes_again_, token_before_, replay_, shown_);
    }

  private:
    void plan(refresh_reason reason, stall_kind stall, int64_t step);

    refresh_options      options_;
    int64_t              n_codes_;
    int32_t              pad_id_;
    int64_t              pause_pads_;  // pads in a row that are a pause
    int64_t              capacity_;
    int32_t              start_text_  = 0;
    int32_t              start_audio_ = 0;
    std::deque<int32_t>  codes_;   // [step][n_codes], the last capacity_ steps
    std::deque<int32_t>  tokens_;  // of these steps
    stall_detector       stalls_;
    int64_t              since_     = 0;  // steps in the present state
    int64_t              n_pads_    = 0;
    int64_t              next_step_ = 0;
    std::vector<int32_t> codes_again_;
    int32_t              token_before_ = 0;
    std::vector<int32_t> replay_;     // [column][1 + n_codes]
    size_t               shown_ = 0;  // ids of replay_ that are done
};

}  // namespace kstt
