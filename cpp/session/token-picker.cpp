#include "session/token-picker.h"

#include <cmath>

namespace kstt {

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
