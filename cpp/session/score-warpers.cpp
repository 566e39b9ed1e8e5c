// The second half of score-rules.h. Probabilities are f64; transformers has f32, so that a token whose mass ends on a
// limit to the last bit may fall on the other side.
#include "session/score-rules.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

namespace kstt {

namespace {

constexpr float forbidden = -std::numeric_limits<float>::infinity();

// Tokens that top_h looks at, at most (TopHLogitsWarper of transformers).
constexpr int64_t top_h_tokens = 100;

std::vector<double> softmax(const float * scores, int64_t n) {
    const double        high = *std::max_element(scores, scores + n);
    std::vector<double> result(static_cast<size_t>(n));
    double              sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        result[static_cast<size_t>(i)] = std::exp(static_cast<double>(scores[i]) - high);
        sum += result[static_cast<size_t>(i)];
    }
    for (double & probability : result) {
        probability /= sum;
    }
    return result;
}

double entropy_of(const std::vector<double> & probabilities) {
    double entropy = 0.0;
    for (const double p : probabilities) {
        entropy -= p > 0.0 ? p * std::log(p) : 0.0;
    }
    return entropy;
}

// Indices 0 to n - 1, the one whose key comes first by `before` first; equal keys by index.
template <typename Key, typename Before>
std::vector<int64_t> sorted_by(int64_t n, const Key & key, const Before & before) {
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return before(key(a), key(b)); });
    return order;
}

void keep_top_h(double share, float * scores, int64_t n) {
    const auto         order = sorted_by(n, [&](int64_t i) { return scores[i]; }, std::greater<>());
    const auto         count = std::min(n, top_h_tokens);
    std::vector<float> best;
    best.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) {
        best.push_back(scores[order[static_cast<size_t>(i)]]);
    }
    const std::vector<double> p     = softmax(best.data(), count);
    const double              limit = entropy_of(p) * share;
    double                    sum   = 0.0;
    for (int64_t i = 0; i < n; i++) {
        if (i < count && p[static_cast<size_t>(i)] > 0.0) {
            sum -= p[static_cast<size_t>(i)] * std::log(p[static_cast<size_t>(i)]);
        }
        const bool kept = i == 0 || (i < count && p[static_cast<size_t>(i)] > 0.0 && sum <= limit);
        if (!kept) {
            scores[order[static_cast<size_t>(i)]] = forbidden;
        }
    }
}

// Ties with the k-th best are kept.
void keep_top_k(int64_t k, float * scores, int64_t n) {
    std::vector<float> sorted(scores, scores + n);
    const auto         kth = sorted.begin() + std::min(k, n) - 1;
    std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
    for (int64_t i = 0; i < n; i++) {
        scores[i] = scores[i] < *kth ? forbidden : scores[i];
    }
}

void keep_top_p(double share, float * scores, int64_t n) {
    const std::vector<double> p     = softmax(scores, n);
    const auto                order = sorted_by(n, [&](int64_t i) { return scores[i]; }, std::less<>());
    double                    sum   = 0.0;
    for (int64_t i = 0; i + 1 < n; i++) {
        const int64_t token = order[static_cast<size_t>(i)];
        sum += p[static_cast<size_t>(token)];
        if (sum > 1.0 - share) {
            return;
        }
        scores[token] = forbidden;
    }
}

// Tokens of at least this probability, and the best ones whatever theirs is.
void keep_likely(double least, float * scores, const std::vector<double> & p) {
    const float best = *std::max_element(scores, scores + p.size());
    for (size_t i = 0; i < p.size(); i++) {
        if (p[i] < least && scores[i] != best) {
            scores[i] = forbidden;
        }
    }
}

void keep_min_p(double share, float * scores, int64_t n) {
    const std::vector<double> p = softmax(scores, n);
    keep_likely(share * *std::max_element(p.begin(), p.end()), scores, p);
}

void keep_typical(double mass, float * scores, int64_t n) {
    const std::vector<double> p       = softmax(scores, n);
    const double              entropy = entropy_of(p);
    std::vector<double>       surprise(p.size());
    for (size_t i = 0; i < p.size(); i++) {
        surprise[i] = std::fabs(-std::log(p[i]) - entropy);
    }
    const auto order = sorted_by(n, [&](int64_t i) { return surprise[static_cast<size_t>(i)]; }, std::less<>());
    double     sum   = 0.0;
    int64_t    last  = 0;
    for (; last < n; last++) {
        sum += p[static_cast<size_t>(order[static_cast<size_t>(last)])];
        if (sum >= mass) {
            break;
        }
    }
    const double limit = surprise[static_cast<size_t>(order[static_cast<size_t>(std::min(last, n - 1))])];
    for (size_t i = 0; i < p.size(); i++) {
        if (surprise[i] > limit && static_cast<int64_t>(i) != order.front()) {
            scores[i] = forbidden;
        }
    }
}

void keep_eta(double epsilon, float * scores, int64_t n) {
    const std::vector<double> p = softmax(scores, n);
    keep_likely(std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy_of(p))), scores, p);
}

void log_softmax(float * scores, int64_t n) {
    const double high = *std::max_element(scores, scores + n);
    double       sum  = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += std::exp(static_cast<double>(scores[i]) - high);
    }
    for (int64_t i = 0; i < n; i++) {
        scores[i] = static_cast<float>(static_cast<double>(scores[i]) - high - std::log(sum));
    }
}

}  // namespace

void warp_scores(const score_rules & rules, float * scores, int64_t n) {
    // Nothing left to choose from: the choice will say so.
    const float best = *std::max_element(scores, scores + n);
    if (best == forbidden || std::isnan(best)) {
        return;
    }
    if (rules.sample) {
        if (rules.temperature != 1.0) {
            const auto divisor = static_cast<float>(rules.temperature);
            std::for_each(scores, scores + n, [&](float & score) { score /= divisor; });
        }
        if (rules.top_h > 0.0) {
            keep_top_h(rules.top_h, scores, n);
        }
        if (rules.top_k > 0) {
            keep_top_k(rules.top_k, scores, n);
        }
        if (rules.top_p < 1.0) {
            keep_top_p(rules.top_p, scores, n);
        }
        if (rules.min_p > 0.0) {
            keep_min_p(rules.min_p, scores, n);
        }
        if (rules.typical_p < 1.0) {
            keep_typical(rules.typical_p, scores, n);
        }
        if (rules.epsilon > 0.0) {
            keep_likely(rules.epsilon, scores, softmax(scores, n));
        }
        if (rules.eta > 0.0) {
            keep_eta(rules.eta, scores, n);
        }
    }
    if (rules.renormalize) {
        log_softmax(scores, n);
    }
}

}  // namespace kstt
