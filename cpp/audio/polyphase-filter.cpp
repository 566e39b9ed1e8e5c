#include "audio/polyphase-filter.h"

#include "audio/dot-product.h"

#include <algorithm>
#include <cmath>

namespace kstt {
namespace {

constexpr double pi = 3.14159265358979323846;

// Pass band up to 0.92 and stop band from 1.0 of the lower Nyquist frequency.
constexpr double pass_edge = 0.92;
constexpr double stop_edge = 1.0;

// dB; 120 are promised, the rest covers the rounding of taps and sums to f32.
constexpr double stop_attenuation = 130.0;

// Above this size rows are interpolated. The common ratios stay far below: 44100 -> 24000 takes 133 KB.
constexpr size_t max_table_bytes = size_t(4) << 20;

// Rows per input sample for cubic interpolation, at a cutoff of the input's Nyquist frequency; fewer for lower ones.
// The error of a component at w rad/sample is (3/128) (w / rows)^4, which is -144 dB at w = pi.
constexpr double interpolated_rows = 64.0;

// Modified Bessel function of the first kind, order 0.
double bessel_i0(double x) {
    double       sum  = 1.0;
    double       term = 1.0;
    const double y    = 0.25 * x * x;
    for (int k = 1; term > 1e-17 * sum; k++) {
        term *= y / (double(k) * double(k));
        sum += term;
    }
    return sum;
}

// Kaiser's formulas for the window's shape and length.
double kaiser_beta() {
    return 0.1102 * (stop_attenuation - 8.7);
}

double kaiser_half_width(double rate_ratio) {
    const double transition = pi * (stop_edge - pass_edge) * rate_ratio;
    return 0.5 * (stop_attenuation - 7.95) / (2.285 * transition);
}

}  // namespace

polyphase_filter::polyphase_filter(int64_t up, int64_t down) : up_(up) {
    // All lengths in input samples: a lower output rate stretches the filter.
    const double rate_ratio = std::min(1.0, double(up) / double(down));
    const double cutoff     = 0.5 * (pass_edge + stop_edge) * rate_ratio;
    const double half_width = kaiser_half_width(rate_ratio);
    const size_t half_taps  = size_t(std::ceil(half_width)) + 3;  // 3: rows may lie 2 samples beside the phase
    n_taps_                 = (2 * half_taps + dot_block - 1) / dot_block * dot_block;

    if (size_t(up) <= max_table_bytes / (n_taps_ * sizeof(float))) {
        n_phases_ = up;
        rows_.reserve(size_t(up) * n_taps_);
        for (int64_t phase = 0; phase < up; phase++) {
            add_row(double(phase) / double(up), cutoff, half_width);
        }
    } else {
        n_phases_ = int64_t(std::ceil(interpolated_rows * rate_ratio));
        rows_.reserve(size_t(n_phases_ + 3) * n_taps_);
        for (int64_t row = -1; row < n_phases_ + 2; row++) {
            add_row(double(row) / double(n_phases_), cutoff, half_width);
        }
    }
}

void polyphase_filter::add_row(double fraction, double cutoff, double half_width) {
    const double beta   = kaiser_beta();
    const double norm   = cutoff / bessel_i0(beta);
    const size_t center = n_taps_ / 2 - 1;
    for (size_t tap = 0; tap < n_taps_; tap++) {
        const double t = fraction + double(center) - double(tap);
        const double u = t / half_width;
        if (std::abs(u) >= 1.0) {
            rows_.push_back(0.0f);
            continue;
        }
        const double angle = pi * cutoff * t;
        const double sinc  = std::abs(angle) < 1e-9 ? 1.0 : std::sin(angle) / angle;
        rows_.push_back(float(norm * sinc * bessel_i0(beta * std::sqrt(1.0 - u * u))));
    }
}

float polyphase_filter::apply(const float * x, int64_t phase) const {
    if (n_phases_ == up_) {
        return dot_product(x, rows_.data() + size_t(phase) * n_taps_, n_taps_);
    }
    // Cubic Lagrange interpolation between the four rows around the exact phase. Interpolating the outputs of the rows
    // is the same as interpolating their taps.
    const int64_t scaled = phase * n_phases_;
    const int64_t row    = scaled / up_;
    const double  u      = double(scaled % up_) / double(up_);
    const float * taps   = rows_.data() + size_t(row) * n_taps_;
    const double  below  = dot_product(x, taps, n_taps_);
    const double  here   = dot_product(x, taps + n_taps_, n_taps_);
    const double  next   = dot_product(x, taps + 2 * n_taps_, n_taps_);
    const double  above  = dot_product(x, taps + 3 * n_taps_, n_taps_);
    return float(-u * (u - 1.0) * (u - 2.0) / 6.0 * below + (u + 1.0) * (u - 1.0) * (u - 2.0) / 2.0 * here -
                 (u + 1.0) * u * (u - 2.0) / 2.0 * next + (u + 1.0) * u * (u - 1.0) / 6.0 * above);
}

}  // namespace kstt
