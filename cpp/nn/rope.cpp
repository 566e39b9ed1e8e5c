#include "nn/rope.h"

#include <cmath>

namespace kstt {

rope_table::rope_table(int64_t head_dim, double theta, rope_precision precision) : precision_(precision) {
    for (int64_t i = 0; i < head_dim / 2; i++) {
        const double exponent = static_cast<double>(2 * i) / static_cast<double>(head_dim);
        if (precision == rope_precision::reference) {
            // torch: 1 / (theta ** (arange(0, dim, 2).float() / dim)), every step rounded to f32
            const auto power = static_cast<float>(std::pow(theta, static_cast<double>(static_cast<float>(exponent))));
            frequencies_.push_back(static_cast<double>(1.0F / power));
        } else {
            frequencies_.push_back(std::pow(theta, -exponent));
        }
    }
}

void rope_table::fill(int64_t position, float * out) const {
    const size_t n = frequencies_.size();
    for (size_t i = 0; i < n; i++) {
        double angle = static_cast<double>(position) * frequencies_[i];
        if (precision_ == rope_precision::reference) {
            angle = static_cast<double>(static_cast<float>(position) * static_cast<float>(frequencies_[i]));
        }
        out[i]     = static_cast<float>(std::cos(angle));
        out[i + n] = static_cast<float>(std::sin(angle));
    }
}

void rotate_half(const float * x, const float * table, int64_t head_dim, float * out) {
    const int64_t half = head_dim / 2;
    for (int64_t i = 0; i < half; i++) {
        const float cosine = table[i];
        const float sine   = table[half + i];
        const float a      = x[i];
        const float b      = x[half + i];
        out[i]             = a * cosine - b * sine;
        out[half + i]      = b * cosine + a * sine;
    }
}

}  // namespace kstt
