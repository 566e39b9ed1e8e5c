// From logits to the next token of every row of a generation: rules, choice, and which rows are done.
#pragma once

#include "session/score-rules.h"

#include <cstdint>
#include <vector>

namespace kstt {

struct chooser_options {
    score_rules rules;
    uint64_t    seed   = 0;
    int32_t     pad_id = 0;  // what rows get that have met an eos
};

class token_chooser {
  public:
    token_chooser(chooser_options options, int64_t n_rows, int64_t n_scores);

    // Whether the best logit is the token, and no row ends before the others.
    bool is_plain() const { return plain_; }

    // Takes a step's logits, [n_scores] of each row, and makes scores of them. tokens: the row's so far at
    // tokens + row * stride.
    void take(const std::vector<const float *> & logits,
              const int32_t *                    tokens,
              int64_t                            stride,
              int64_t                            n_tokens,
              int64_t                            max_tokens);

    // [n_rows][n_scores]. Scores may be changed between take() and choose(); they are the final ones afterwards.
    const std::vector<float> & logits() const { return logits_; }

    std::vector<float> & scores() { return scores_; }

    const std::vector<float> & scores() const { return scores_; }

    // The next token of a row; `step` counts from 0.
    std::vector<int32_t> choose(int64_t step);

    // Rows marked here count as done; once all are, the generation ends. With an eos, done rows get pads.
    void finish(const std::vector<uint8_t> & rows);
    bool all_done() const;

  private:
    chooser_options      options_;
    int64_t              n_rows_;
    int64_t              n_scores_;
    bool                 plain_;
    std::vector<float>   logits_;
    std::vector<float>   scores_;
    std::vector<uint8_t> done_;  // [n_rows]
};

}  // namespace kstt
