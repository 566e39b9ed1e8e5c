// Tokens and their steps to words with times. No tensors.
//
// Grammar of the tokens (spec 6.1): the boundary id says "a word starts at the next step", the pad id "nothing", other
// ids are pieces of the word. Without a boundary between two words, the second is known by its leading U+2581.
#pragma once

#include "text/piece-decoder.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kstt {

struct word {
    std::string text;               // UTF-8, no spaces around it, never empty
    double      start      = 0.0;   // seconds on the clock of the audio pushed, >= 0
    double      end        = 0.0;   // >= start
    float       confidence = 0.0F;  // geometric mean of the probabilities of its tokens, 0..1
};

// What turns a step into a time: step / frame_rate - delay_seconds - prefix_seconds.
struct word_clock {
    double  frame_rate     = 12.5;
    double  delay_seconds  = 0.0;
    double  prefix_seconds = 0.0;
    int32_t boundary_id    = 0;
    int32_t pad_id         = 3;
};

class word_assembler {
  public:
    // The decoder is borrowed and must outlive this object.
    word_assembler(const piece_decoder * decoder, const word_clock & clock);

    // The token that decoder step `step` (0-based, rising from call to call) emitted. Appends words that are final now:
    // at the next boundary, at the first piece of the next word, or after a second without pieces.
    void push(int64_t step, int32_t token, float probability, std::vector<word> & out);

    // The audio's length, once known: no later word reaches beyond it.
    void set_duration(double seconds) { duration_ = seconds; }

    // No token follows the n_steps taken. Appends the word that is still open.
    void finish(int64_t n_steps, double duration_seconds, std::vector<word> & out);

    // As fresh.
    void reset();

  private:
    double time_of(int64_t step) const;
    void   open(int64_t start_step);
    void   close(int64_t end_step, std::vector<word> & out);

    const piece_decoder * decoder_;
    word_clock            clock_;

    int64_t     last_step_       = -1;
    int64_t     boundary_step_   = -1;  // of a boundary that no piece has followed yet, else -1
    int64_t     start_step_      = -1;  // of the open word, else -1
    int64_t     last_piece_step_ = -1;
    std::string bytes_;
    double      sum_log_probability_ = 0.0;
    int64_t     n_pieces_            = 0;
    double      last_end_            = 0.0;
    double      duration_            = std::numeric_limits<double>::infinity();
};

}  // namespace kstt
