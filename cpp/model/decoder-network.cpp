#include "model/decoder-network.h"

#include <algorithm>
#include <cmath>

namespace kstt {

int32_t pick_greedy(const float * logits, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        if (logits[i] > logits[best]) {
            best = i;
        }
    }
    return static_cast<int32_t>(best);
}

picked_token pick_greedy_with_probability(const float * logits, int64_t n) {
    const int32_t token = pick_greedy(logits, n);
    double        sum   = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += static_cast<double>(std::exp(logits[i] - logits[token]));
    }
    return { token, static_cast<float>(1.0 / sum) };
}

void softmax_groups(const float * values, size_t n, size_t dim, std::vector<float> & out) {
    // A few values per step: in f64, so that no order of summation shows.
    out.resize(n);
    for (size_t begin = 0; begin < n; begin += dim) {
        const float highest = *std::max_element(values + begin, values + begin + dim);
        double      sum     = 0.0;
        for (size_t i = begin; i < begin + dim; i++) {
            sum += std::exp(static_cast<double>(values[i] - highest));
        }
        for (size_t i = begin; i < begin + dim; i++) {
            out[i] = static_cast<float>(std::exp(static_cast<double>(values[i] - highest)) / sum);
        }
    }
}

}  // namespace kstt
