#include "session/token-picker.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// The finalizer of splitmix64: every bit of the result depends on every bit of x.
uint64_t mixed(uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

// In [0, 1), from a counter instead of a running state.
double uniform(uint64_t seed, int64_t row, int64_t step) {
    const uint64_t bits = mixed(mixed(mixed(seed) ^ static_cast<uint64_t>(row)) ^ static_cast<uint64_t>(step));
    return static_cast<double>(bits >> 11U) * 0x1p-53;
}

}  // namespace

int32_t pick_sampled(const float * scores, int64_t n, uint64_t seed, int64_t row, int64_t step) {
    const float best = *std::max_element(scores, scores + n);
    if (!std::isfinite(best)) {
        throw error(KSTT_STATUS_INVALID_STATE, format("no token is left to choose at step %d", static_cast<int>(step)));
    }
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += std::exp(static_cast<double>(scores[i]) - static_cast<double>(best));
    }
    double  left = uniform(seed, row, step) * sum;
    int64_t last = 0;
    for (int64_t i = 0; i < n; i++) {
        const double share = std::exp(static_cast<double>(scores[i]) - static_cast<double>(best));
        if (share > 0.0) {
            last = i;
            if (left < share) {
                break;
            }
            left -= share;
        }
    }
    return static_cast<int32_t>(last);
}

picked_token pick_allowed(const float * logits, int64_t n, const token_constraint & constraint) {
    if (constraint.is_open()) {
        return pick_greedy_with_probability(logits, n);
    }
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        if (constraint.allows(static_cast<int32_t>(i)) && (best < 0 || logits[i] > logits[best])) {
            best = i;
        }
    }
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        if (constraint.allows(static_cast<int32_t>(i))) {
            sum += static_cast<double>(std::exp(logits[i] - logits[best]));
        }
    }
    return { static_cast<int32_t>(best), static_cast<float>(1.0 / sum) };
}

}  // namespace kstt
