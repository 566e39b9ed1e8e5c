#include "session/sound-trace.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// 20 s at 12.5 frames a second: longer than any word and its delay.
constexpr size_t max_frames = 256;

// The closure of a stop consonant, as in "eight" or "six", may silence one frame of 80 ms, not two.
constexpr int64_t min_silent_frames = 2;

}  // namespace

void sound_trace::push(bool active) {
    active_.push_back(active ? 1 : 0);
    if (active_.size() > max_frames) {
        active_.pop_front();
        first_++;
    }
}

int64_t sound_trace::end_of_sound(double from, double spoken, double limit) const {
    const auto known = first_ + static_cast<int64_t>(active_.size());
    const auto begin = std::max<int64_t>(0, static_cast<int64_t>(std::floor(from)));
    const auto stop  = std::min(known, static_cast<int64_t>(std::ceil(limit)));
    if (begin < first_) {
        return -1;
    }
    const auto is_active = [&](int64_t frame) { return active_[static_cast<size_t>(frame - first_)] != 0; };
    int64_t    at        = begin;
    while (at < stop && !is_active(at)) {
        at++;
    }
    if (at >= stop) {
        return -1;
    }
    // A piece may be said ahead of its sound: what counts begins with the sound.
    int64_t silent = 0;
    int64_t end    = at + 1;
    for (; at < stop && silent < min_silent_frames; at++) {
        const bool counts = is_active(at) || static_cast<double>(at) < spoken;
        silent            = counts ? 0 : silent + 1;
        end               = counts ? at + 1 : end;
    }
    return end;
}

}  // namespace kstt
