#include "session/score-rules.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace kstt {

namespace {

constexpr float forbidden = -std::numeric_limits<float>::infinity();

void check_ids(const std::vector<int32_t> & ids, int32_t n_tokens, const char * what) {
    for (const int32_t id : ids) {
        if (id < 0 || id >= n_tokens) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        format("%s has the id %d; the tokens of this model are 0 to %d", what, id, n_tokens - 1));
        }
    }
}

void require(bool condition, const char * message) {
    if (!condition) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, message);
    }
}

// Whether the last ids.size() - 1 tokens are those before the last of ids.
bool is_prefix_there(const std::vector<int32_t> & ids, const int32_t * tokens, int64_t n_tokens) {
    const auto n = static_cast<int64_t>(ids.size()) - 1;
    return n <= n_tokens && std::equal(ids.begin(), ids.end() - 1, tokens + n_tokens - n);
}

void add_biases(const std::vector<sequence_bias> & biases,
                const int32_t *                    tokens,
                int64_t                            n_tokens,
                float *                            scores,
                int64_t                            n_scores) {
    if (biases.empty()) {
        return;
    }
    // Summed first and added once, as transformers does.
    std::vector<float> sums(static_cast<size_t>(n_scores), 0.0F);
    for (const sequence_bias & rule : biases) {
        if (is_prefix_there(rule.ids, tokens, n_tokens)) {
            sums[static_cast<size_t>(rule.ids.back())] += rule.bias;
        }
    }
    for (int64_t i = 0; i < n_scores; i++) {
        scores[i] += sums[static_cast<size_t>(i)];
    }
}

void penalize_repetitions(double penalty, const int32_t * tokens, int64_t n_tokens, float * scores, int64_t n_scores) {
    if (penalty == 1.0) {
        return;
    }
    const auto        factor = static_cast<float>(penalty);
    std::vector<bool> done(static_cast<size_t>(n_scores), false);
    for (int64_t i = 0; i < n_tokens; i++) {
        // The start token may lie outside the vocabulary; it cannot come again.
        const int32_t token = tokens[i];
        if (token < n_scores && !done[static_cast<size_t>(token)]) {
            done[static_cast<size_t>(token)] = true;
            scores[token]                    = scores[token] < 0.0F ? scores[token] * factor : scores[token] / factor;
        }
    }
}

void forbid_repeated_ngrams(int64_t n, const int32_t * tokens, int64_t n_tokens, float * scores, int64_t n_scores) {
    if (n == 0 || n_tokens < n) {
        return;
    }
    const int32_t * suffix = tokens + n_tokens - (n - 1);
    for (int64_t i = 0; i + n <= n_tokens; i++) {
        const int32_t last = tokens[i + n - 1];
        if (last < n_scores && std::equal(tokens + i, tokens + i + n - 1, suffix)) {
            scores[last] = forbidden;
        }
    }
}

void forbid(const std::vector<int32_t> & ids, float * scores) {
    for (const int32_t id : ids) {
        scores[id] = forbidden;
    }
}

void force(const std::vector<int32_t> & ids, float * scores, int64_t n_scores) {
    std::fill(scores, scores + n_scores, forbidden);
    for (const int32_t id : ids) {
        scores[id] = 0.0F;
    }
}

void remove_invalid_numbers(float * scores, int64_t n_scores) {
    constexpr float largest = std::numeric_limits<float>::max();
    for (int64_t i = 0; i < n_scores; i++) {
        scores[i] = std::isnan(scores[i]) ? 0.0F : std::clamp(scores[i], -largest, largest);
    }
}

}  // namespace

bool score_rules::changes_scores() const {
    return !biases.empty() || repetition_penalty != 1.0 || no_repeat_ngram > 0 || !bad_words.empty() || !eos.empty() ||
           forced_bos >= 0 || !forced_eos.empty() || remove_invalid || !suppress.empty() || !begin_suppress.empty() ||
           sample || renormalize;
}

void score_rules::check(int32_t n_tokens) const {
    for (const sequence_bias & rule : biases) {
        require(!rule.ids.empty() && !std::isnan(rule.bias), "a biased sequence needs at least one id and a number");
        check_ids(rule.ids, n_tokens, "sequence_bias");
    }
    for (const std::vector<int32_t> & word : bad_words) {
        require(!word.empty(), "a bad word needs at least one id");
        check_ids(word, n_tokens, "bad_words_ids");
    }
    check_ids(eos, n_tokens, "eos_token_id");
    check_ids(forced_eos, n_tokens, "forced_eos_token_id");
    check_ids(suppress, n_tokens, "suppress_tokens");
    check_ids(begin_suppress, n_tokens, "begin_suppress_tokens");
    require(forced_bos < n_tokens, "forced_bos_token_id is outside the vocabulary");
    require(repetition_penalty > 0.0 && std::isfinite(repetition_penalty), "repetition_penalty must be above 0");
    require(no_repeat_ngram >= 0, "no_repeat_ngram_size must not be negative");
    require(std::isfinite(decay_factor), "the factor of exponential_decay_length_penalty must be finite");
    require(temperature > 0.0 && std::isfinite(temperature), "temperature must be above 0");
    require(top_h >= 0.0 && top_h <= 1.0, "top_h must be 0 to 1");
    require(top_k >= 0, "top_k must not be negative");
    require(top_p >= 0.0 && top_p <= 1.0, "top_p must be 0 to 1");
    require(min_p >= 0.0 && min_p <= 1.0, "min_p must be 0 to 1");
    require(typical_p > 0.0 && typical_p <= 1.0, "typical_p must be above 0 and at most 1");
    require(epsilon >= 0.0 && epsilon < 1.0, "epsilon_cutoff must be 0 or between 0 and 1");
    require(eta >= 0.0 && eta < 1.0, "eta_cutoff must be 0 or between 0 and 1");
}

void process_scores(const score_rules & rules,
                    const int32_t *     tokens,
                    int64_t             n_tokens,
                    int64_t             max_tokens,
                    float *             scores,
                    int64_t             n_scores) {
    add_biases(rules.biases, tokens, n_tokens, scores, n_scores);
    penalize_repetitions(rules.repetition_penalty, tokens, n_tokens, scores, n_scores);
    forbid_repeated_ngrams(rules.no_repeat_ngram, tokens, n_tokens, scores, n_scores);
    for (const std::vector<int32_t> & word : rules.bad_words) {
        if (is_prefix_there(word, tokens, n_tokens)) {
            scores[word.back()] = forbidden;
        }
    }
    if (n_tokens < rules.min_length || n_tokens - 1 < rules.min_new_tokens) {
        forbid(rules.eos, scores);
    }
    if (rules.forced_bos >= 0 && n_tokens == 1) {
        force({ rules.forced_bos }, scores, n_scores);
    }
    if (!rules.forced_eos.empty() && n_tokens == max_tokens - 1) {
        force(rules.forced_eos, scores, n_scores);
    }
    if (rules.remove_invalid) {
        remove_invalid_numbers(scores, n_scores);
    }
    if (rules.decay_start >= 0 && n_tokens > rules.decay_start + 1) {
        const auto growth = std::pow(rules.decay_factor, static_cast<double>(n_tokens - rules.decay_start - 1)) - 1.0;
        for (const int32_t id : rules.eos) {
            // An end that may not come yet stays forbidden; transformers 5.18 makes NaN of it.
            if (scores[id] != forbidden) {
                scores[id] += std::fabs(scores[id]) * static_cast<float>(growth);
            }
        }
    }
    forbid(rules.suppress, scores);
    // With a forced first token, the first free one is the second.
    if (n_tokens == (rules.forced_bos >= 0 ? 2 : 1)) {
        forbid(rules.begin_suppress, scores);
    }
}

}  // namespace kstt
