#include "session/level-meter.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

constexpr float silence_db = -100.0F;

// Below this nothing is heard on any usual recording, whatever the background.
constexpr float audible_db = -55.0F;

// The background follows a quieter frame at once and a louder one at 4 dB a second: the gaps between syllables come
// often enough to hold it down while somebody speaks. The peak falls at 3 dB a second.
constexpr float floor_rise_db_per_second = 4.0F;
constexpr float peak_fall_db_per_second  = 3.0F;

// Active: above the background by this much, and by a third of the way to the peak.
constexpr float min_rise_db  = 6.0F;
constexpr float active_share = 0.33F;

// The range of one speaker's syllables.
constexpr float speech_range_db = 12.0F;

// Frames over which the level of speech is averaged.
constexpr int64_t max_speech_frames = 100;

}  // namespace

float level_of(const float * pcm, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += static_cast<double>(pcm[i]) * static_cast<double>(pcm[i]);
    }
    const double mean = n > 0 ? sum / static_cast<double>(n) : 0.0;
    return mean < 1e-10 ? silence_db : static_cast<float>(10.0 * std::log10(mean));
}

level_meter::verdict level_meter::push(float decibels) {
    const float level = std::max(decibels, audible_db);
    const auto  rate  = static_cast<float>(frame_rate_);
    if (n_frames_ == 0) {
        floor_ = peak_ = level;
    }
    floor_ = std::min(level, floor_ + floor_rise_db_per_second / rate);
    peak_  = std::max({ level, peak_ - peak_fall_db_per_second / rate, floor_ });
    n_frames_++;
    verdict result;
    result.active = level > audible_db && level > floor_ + std::max(min_rise_db, active_share * (peak_ - floor_));
    result.speech = result.active && n_speech_ > 0 && level > speech_ - speech_range_db;
    recent_.push_back(result.active ? level : silence_db);
    if (static_cast<int64_t>(recent_.size()) > delay_frames_ + 1) {
        recent_.pop_front();
    }
    return result;
}

void level_meter::learn_speech() {
    if (recent_.empty() || recent_.front() <= silence_db) {
        return;
    }
    n_speech_ = std::min(n_speech_ + 1, max_speech_frames);
    speech_ += (recent_.front() - speech_) / static_cast<float>(n_speech_);
}

}  // namespace kstt
