// Any rate to any rate: rational polyphase FIR, streaming, linear phase without delay.
#pragma once

#include "audio/polyphase-filter.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace kstt {

// Output sample n is the band-limited input at n / rate_out seconds: flat to 0.92 of the lower Nyquist frequency, at
// least 120 dB down from that frequency on. The input is silence before its start and behind its end. The samples do
// not depend, bit for bit, on how the input was cut into pushes.
//
// Equal rates copy. One thread at a time. Samples must be finite: the caller checks.
class resampler {
  public:
    // Throws INVALID_AUDIO (rate_in) or INVALID_ARGUMENT (rate_out) outside of min_rate..max_rate.
    resampler(int32_t rate_in, int32_t rate_out);

    // Hz. The limits bound the memory for the filter (4 MiB) and the look-ahead.
    static constexpr int32_t min_rate = 1000;
    static constexpr int32_t max_rate = 768000;

    // Takes n samples; appends the output that is complete, about half_width() input samples behind the input.
    void push(const float * pcm, size_t n, std::vector<float> & out);

    // Appends the rest: ceil(n_in * rate_out / rate_in) samples since the start. The object is then fresh again.
    void flush(std::vector<float> & out);

    // Forgets the samples taken.
    void reset();

    int32_t rate_in() const { return rate_in_; }

    int32_t rate_out() const { return rate_out_; }

    // Input samples that an output sample waits for behind its own time; 0 when the rates are equal.
    size_t half_width() const { return filter_ ? filter_->n_taps() / 2 : 0; }

    // Its state, for a copy of the stream; the rates are the caller's to keep.
    template <typename Archive>
    void archive(Archive & a) {
        a(input_, used_, phase_, n_in_, n_out_);
        if (Archive::loading && (phase_ < 0 || phase_ >= up_ || used_ > input_.size() + static_cast<size_t>(down_))) {
            reset();
        }
    }

  private:
    void take(const polyphase_filter & filter, const float * pcm, size_t n, int64_t max_out, std::vector<float> & out);
    void drop_used();

    int32_t                         rate_in_;
    int32_t                         rate_out_;
    int64_t                         up_;    // rate_out / gcd
    int64_t                         down_;  // rate_in / gcd
    std::optional<polyphase_filter> filter_;

    std::vector<float> input_;      // samples that are still needed
    size_t             used_  = 0;  // input_[used_] meets the first tap of the next output
    int64_t            phase_ = 0;  // the next output lies phase_ / up_ samples behind an input sample
    int64_t            n_in_  = 0;
    int64_t            n_out_ = 0;
};

}  // namespace kstt
