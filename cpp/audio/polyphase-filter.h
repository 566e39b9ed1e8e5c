// The low-pass of the resampler: a Kaiser-windowed sinc, sampled at the fractional positions that a ratio of rates
// meets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt {

// One row of taps per phase, taps in the order of the input samples they meet. Immutable.
class polyphase_filter {
  public:
    // up, down: the reduced ratio rate_out / rate_in; both >= 1.
    polyphase_filter(int64_t up, int64_t down);

    // Input samples that make one output sample; a multiple of dot_block.
    size_t n_taps() const { return n_taps_; }

    // The output at phase / up input samples behind an input sample. x: [n_taps], that input sample at x[n_taps / 2 -
    // 1].
    float apply(const float * x, int64_t phase) const;

    size_t table_bytes() const { return rows_.size() * sizeof(float); }

  private:
    void add_row(double fraction, double cutoff, double half_width);

    int64_t            up_;
    int64_t            n_phases_;  // rows per input sample; == up_: a row for every phase, else rows are interpolated
    size_t             n_taps_;
    std::vector<float> rows_;  // [n_phases (+ 3 when interpolated)][n_taps]
};

}  // namespace kstt
