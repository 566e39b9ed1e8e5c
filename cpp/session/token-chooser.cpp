#include "session/token-chooser.h"

#include "session/token-picker.h"

#include <algorithm>
#include <utility>

namespace kstt {

token_chooser::token_chooser(chooser_options options, int64_t n_rows, int64_t n_scores)
    : options_(std::move(options)), n_rows_(n_rows), n_scores_(n_scores), plain_(!options_.rules.changes_scores()),
      done_(static_cast<size_t>(n_rows), 0) {
    options_.rules.check(static_cast<int32_t>(n_scores));
}

void token_chooser::take(const std::vector<const float *> & logits,
                         const int32_t *                    tokens,
                         int64_t                            stride,
                         int64_t                            n_tokens,
                         int64_t                            max_tokens) {
    logits_.clear();
    for (const float * row : logits) {
        logits_.insert(logits_.end(), row, row + n_scores_);
    }
    scores_ = logits_;
    for (int64_t row = 0; row < n_rows_; row++) {
        process_scores(
            options_.rules, tokens + row * stride, n_tokens, max_tokens, scores_.data() + row * n_scores_, n_scores_);
    }
}

std::vector<int32_t> token_chooser::choose(int64_t step) {
    const score_rules &  rules = options_.rules;
    std::vector<int32_t> tokens;
    for (int64_t row = 0; row < n_rows_; row++) {
        float * scores = scores_.data() + row * n_scores_;
        warp_scores(rules, scores, n_scores_);
        int32_t token = 0;
        if (done_[static_cast<size_t>(row)] != 0 && !rules.eos.empty()) {
            token = options_.pad_id;
        } else if (rules.sample) {
            token = pick_sampled(scores, n_scores_, options_.seed, row, step);
        } else {
            token = pick_greedy(scores, n_scores_);
        }
        if (std::find(rules.eos.begin(), rules.eos.end(), token) != rules.eos.end()) {
            done_[static_cast<size_t>(row)] = 1;
        }
        tokens.push_back(token);
    }
    return tokens;
}

void token_chooser::finish(const std::vector<uint8_t> & rows) {
    for (size_t row = 0; row < done_.size(); row++) {
        done_[row] = static_cast<uint8_t>(done_[row] | rows[row]);
    }
}

bool token_chooser::all_done() const {
    return std::all_of(done_.begin(), done_.end(), [](uint8_t done) { return done != 0; });
}

}  // namespace kstt
