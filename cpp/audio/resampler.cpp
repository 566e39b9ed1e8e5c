#include "audio/resampler.h"

#include "runtime/error.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace kstt {
namespace {

// Samples handled at a time, so that a long push needs no second copy of itself.
constexpr size_t block_size = 16384;

void check_rate(const char * what, int32_t rate, kstt_status status) {
    if (rate < resampler::min_rate || rate > resampler::max_rate) {
        throw error(
            status,
            format(
                "%s sample rate is %d Hz, expected %d to %d Hz", what, rate, resampler::min_rate, resampler::max_rate));
    }
}

}  // namespace

resampler::resampler(int32_t rate_in, int32_t rate_out) : rate_in_(rate_in), rate_out_(rate_out) {
    check_rate("input", rate_in, KSTT_STATUS_INVALID_AUDIO);
    check_rate("output", rate_out, KSTT_STATUS_INVALID_ARGUMENT);
    const int32_t divisor = std::gcd(rate_in, rate_out);
    up_                   = rate_out / divisor;
    down_                 = rate_in / divisor;
    if (up_ != down_) {
        filter_.emplace(up_, down_);
    }
    reset();
}

void resampler::reset() {
    // Silence before the start, so that the first output has all of its taps.
    input_.assign(filter_ ? filter_->n_taps() / 2 - 1 : 0, 0.0f);
    used_  = 0;
    phase_ = 0;
    n_in_  = 0;
    n_out_ = 0;
}

void resampler::push(const float * pcm, size_t n, std::vector<float> & out) {
    if (!filter_) {
        out.insert(out.end(), pcm, pcm + n);
        return;
    }
    n_in_ += int64_t(n);
    for (size_t start = 0; start < n; start += block_size) {
        take(*filter_, pcm + start, std::min(block_size, n - start), std::numeric_limits<int64_t>::max(), out);
    }
}

void resampler::flush(std::vector<float> & out) {
    if (filter_) {
        const int64_t            total = (n_in_ * up_ + down_ - 1) / down_;
        const std::vector<float> silence(std::min(block_size, filter_->n_taps()), 0.0f);
        while (n_out_ < total) {
            take(*filter_, silence.data(), silence.size(), total, out);
        }
    }
    reset();
}

void resampler::take(
    const polyphase_filter & filter, const float * pcm, size_t n, int64_t max_out, std::vector<float> & out) {
    input_.insert(input_.end(), pcm, pcm + n);
    while (used_ + filter.n_taps() <= input_.size() && n_out_ < max_out) {
        out.push_back(filter.apply(input_.data() + used_, phase_));
        n_out_++;
        phase_ += down_;
        used_ += size_t(phase_ / up_);
        phase_ %= up_;
    }
    drop_used();
}

// Moving what is left costs its length, so it waits until as much has been used. When the rate falls steeply, used_ may
// lie behind the samples that have come.
void resampler::drop_used() {
    const size_t n = std::min(used_, input_.size());
    if (n >= std::max(block_size, input_.size() - n)) {
        input_.erase(input_.begin(), input_.begin() + std::ptrdiff_t(n));
        used_ -= n;
    }
}

}  // namespace kstt
