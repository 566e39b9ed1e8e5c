#include "session/timeline.h"

#include <algorithm>

namespace kstt {

void timeline::add(const piece & next) {
    if (!pieces_.empty() && pieces_.back().at == next.at) {
        pieces_.back() = next;
    } else {
        pieces_.push_back(next);
    }
}

const timeline::piece * timeline::find(double sample, const piece ** after) const {
    const auto next = std::upper_bound(pieces_.begin(), pieces_.end(), sample, [](double x, const piece & p) {
        return x < static_cast<double>(p.at);
    });
    *after          = next == pieces_.end() ? nullptr : &*next;
    return next == pieces_.begin() ? nullptr : &*(next - 1);
}

double timeline::time_at(double sample) const {
    const piece * after = nullptr;
    const piece * in    = find(sample, &after);
    if (in == nullptr) {
        return after != nullptr ? after->seconds : 0.0;
    }
    if (!in->audio) {
        return in->seconds;
    }
    const double seconds = in->seconds + (sample - static_cast<double>(in->at)) / rate_;
    // A resampler rounds the length of what it made up to a whole sample: never beyond the next piece.
    return after != nullptr ? std::min(seconds, after->seconds) : seconds;
}

bool timeline::is_audio(int64_t frame) const {
    const piece * after = nullptr;
    const piece * in    = find(static_cast<double>(frame * frame_size_), &after);
    return in != nullptr && in->audio;
}

void timeline::forget_before(int64_t step) {
    const double sample = sample_of_step(step);
    while (pieces_.size() > 1 && static_cast<double>(pieces_[1].at) <= sample) {
        pieces_.pop_front();
    }
}

}  // namespace kstt
