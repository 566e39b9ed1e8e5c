// Tokens and their steps to words with times. No tensors.
//
// Grammar of the tokens (spec 6.1): the boundary id says "a word starts at the next step", the pad id "nothing", other
// ids are pieces of the word. Without a boundary between two words, the second is known by its leading U+2581.
#pragma once

#include "session/sound-trace.h"
#include "session/timeline.h"
#include "text/piece-decoder.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct word {
    std::string text;               // UTF-8, no spaces around it, never empty
    double      start      = 0.0;   // seconds on the clock of the audio pushed, >= 0
    double      end        = 0.0;   // >= start; where the next word begins, or where the sound before that ends
    float       confidence = 0.0F;  // geometric mean of the probabilities of its tokens, 0..1
    int64_t     start_step = 0;     // of its boundary
};

class word_assembler {
  public:
    // All borrowed; they must outlive this object. Without `sounds`, ends are told from the tokens alone.
    word_assembler(const piece_decoder * decoder,
                   const timeline *      line,
                   const sound_trace *   sounds,
                   int32_t               boundary_id,
                   int32_t               pad_id);

    // The token that decoder step `step` (0-based, rising from call to call) emitted. Appends words that are final now:
    // at the next boundary, at the first piece of the next word, or after a second without pieces.
    void push(int64_t step, int32_t token, float probability, std::vector<word> & out);

    // The audio up to here is over (n_steps taken): appends the word that is still open.
    void finish(int64_t n_steps, std::vector<word> & out);

    // The word that is open, as far as it is known after the last push; true if that push changed its text.
    bool partial(word & out) const;

    // A word has begun and its next piece may still come.
    bool is_open() const { return start_step_ >= 0; }

    // Step of the last piece, -1 before the first.
    int64_t last_piece_step() const { return last_piece_step_; }

    // Steps from `step` on will be taken again; the caller knows that no word was made of them.
    void rewind(int64_t step);

    // As fresh.
    void reset();

    template <typename Archive>
    void archive(Archive & a) {
        a(last_step_, boundary_step_, boundary_time_, start_step_, start_time_, last_piece_step_, bytes_);
        a(sum_log_probability_, n_pieces_, last_end_);
    }

  private:
    void open(int64_t start_step, double start_time);
    void close(int64_t end_step, int64_t limit_step, std::vector<word> & out);
    bool describe(const std::string & bytes, double end, word & out) const;

    const piece_decoder * decoder_;
    const timeline *      line_;
    const sound_trace *   sounds_;
    int32_t               boundary_id_;
    int32_t               pad_id_;

    int64_t     last_step_       = -1;
    int64_t     boundary_step_   = -1;  // of a boundary that no piece has followed yet, else -1
    double      boundary_time_   = 0.0;
    int64_t     start_step_      = -1;  // of the open word, else -1
    double      start_time_      = 0.0;
    int64_t     last_piece_step_ = -1;
    std::string bytes_;
    double      sum_log_probability_ = 0.0;
    int64_t     n_pieces_            = 0;
    double      last_end_            = 0.0;
};

}  // namespace kstt
