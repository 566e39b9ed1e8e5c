#include "session/stall-detector.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// Nobody speaks for three seconds without a word that the models know.
constexpr double silence_seconds = 3.0;

// Share of the frames of that time that must be as loud as speech. Digits said one by one (models/digits-en/test) have
// 0.21 to 0.47 in any three seconds; fluent speech has more.
constexpr double speech_share = 0.2;

// A long word.
constexpr double word_seconds = 0.6;

constexpr int64_t max_patience = 8;

// A loop repeats a period with exactly the same steps; people who say the same word again and again do not. So many
// repetitions, and so many seconds, of one period are a loop.
constexpr int64_t loop_repetitions = 6;
constexpr double  loop_seconds     = 4.0;

}  // namespace

stall_detector::stall_detector(double frame_rate, int64_t delay_steps)
    : frame_rate_(frame_rate), delay_steps_(delay_steps),
      min_silence_(static_cast<int64_t>(std::ceil(silence_seconds * frame_rate))) {
    reset();
}

void stall_detector::reset() {
    restart(false);
    patience_ = 1;
    n_steps_  = 0;
    speeches_.clear();
}

void stall_detector::restart(bool after_alarm) {
    tokens_.clear();
    texts_.clear();
    runs_.assign(static_cast<size_t>(max_period + 1), 0);
    n_pads_ = 0;
    if (after_alarm) {
        patience_ = std::min(2 * patience_, max_patience);
    }
}

bool stall_detector::is_loop() const {
    for (int64_t period = 1; period <= max_period && period <= static_cast<int64_t>(texts_.size()); period++) {
        const int64_t run = runs_[static_cast<size_t>(period)];
        if (static_cast<double>(run) >= loop_seconds * frame_rate_ && run >= (loop_repetitions - 1) * period) {
            // Pads alone are no loop.
            return std::find(texts_.end() - period, texts_.end(), 1) != texts_.end();
        }
    }
    return false;
}

stall_kind stall_detector::push(int32_t token, bool is_text, bool speech) {
    n_steps_++;
    for (int64_t period = 1; period <= max_period; period++) {
        const auto at  = static_cast<int64_t>(tokens_.size()) - period;
        int64_t &  run = runs_[static_cast<size_t>(period)];
        run            = at >= 0 && tokens_[static_cast<size_t>(at)] == token ? run + 1 : 0;
    }
    tokens_.push_back(token);
    texts_.push_back(is_text ? 1 : 0);
    if (static_cast<int64_t>(tokens_.size()) > max_period) {
        tokens_.pop_front();
        texts_.pop_front();
    }
    const int64_t silence = min_silence_ * patience_;
    speeches_.push_back(speech ? 1 : 0);
    while (static_cast<int64_t>(speeches_.size()) > max_patience * min_silence_ + delay_steps_) {
        speeches_.pop_front();
    }
    if (is_text) {
        n_pads_   = 0;
        patience_ = 1;
        return is_loop() ? stall_kind::loop : stall_kind::none;
    }
    n_pads_++;
    if (n_pads_ < silence || static_cast<int64_t>(speeches_.size()) < silence + delay_steps_) {
        return stall_kind::none;
    }
    // The frames whose words should have come during the silence: behind the sounds of the last word, whose tokens came
    // while it began.
    const auto word   = static_cast<int64_t>(std::ceil(word_seconds * frame_rate_));
    const auto first  = speeches_.end() - (silence + delay_steps_);
    const auto n_loud = std::count(first + word, first + silence, 1);
    return static_cast<double>(n_loud) >= speech_share * static_cast<double>(silence) ? stall_kind::silence
                                                                                      : stall_kind::none;
}

}  // namespace kstt
