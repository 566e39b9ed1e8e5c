#include "session/turn-detector.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// The heads are "all over the place" during the first steps of a stream (unmute ignores as many).
constexpr int64_t n_start_up_steps = 12;

// Steps in a row that the smoothed value must stay beyond a threshold: a single outlier never decides.
constexpr int64_t min_pause_steps  = 3;
constexpr int64_t min_speech_steps = 3;

// Frames without sound that a pause needs while words still come.
constexpr int64_t min_quiet_frames = 2;

// Without heads, in a noisy background: the tokens decide alone after this much longer.
constexpr double extra_seconds = 0.5;

}  // namespace

turn_detector::turn_detector(const turn_options & options, double frame_rate, double delay_seconds)
    : options_(options), frame_rate_(frame_rate), delay_(delay_seconds),
      keep_(options.smoothing_seconds > 0.0 ? std::exp(-1.0 / (frame_rate * options.smoothing_seconds)) : 0.0) {}

bool turn_detector::says_speech(const turn_step & step) const {
    // A word is proof, unless it was spoken before the pause that is already known: words come late.
    if (step.opens_word) {
        return step.word_start >= state_.pause_from;
    }
    return step.n_pauses > 0 && state_.n_low >= min_speech_steps;
}

bool turn_detector::says_pause(const turn_step & step) const {
    const auto since_piece = static_cast<double>(state_.since_piece) / frame_rate_;
    const auto quiet       = static_cast<double>(state_.n_quiet) / frame_rate_;
    if (step.n_pauses > 0) {
        const bool words_come = since_piece < delay_ + 1.0;
        return state_.n_high >= min_pause_steps && !(words_come && state_.n_quiet < min_quiet_frames);
    }
    // The words of the last sounds must have had the time to come.
    const bool silent = quiet >= options_.pause_seconds && since_piece >= std::min(options_.pause_seconds, 0.3) &&
                        quiet + since_piece >= delay_ + options_.pause_seconds;
    return silent || since_piece >= options_.pause_seconds + delay_ + extra_seconds;
}

void turn_detector::publish(bool is_pause, double time, const turn_step & step, std::vector<turn_event> & out) {
    turn_event event;
    event.is_pause   = is_pause;
    event.time       = std::max(time, state_.last_time);
    event.heard      = std::max(step.heard, event.time);
    event.from_heads = step.n_pauses > 0;
    if (event.from_heads) {
        event.probability = static_cast<float>(is_pause ? state_.smoothed : 1.0 - state_.smoothed);
    } else if (is_pause) {
        event.probability =
            static_cast<float>(state_.n_pad > 0 ? state_.sum_pad / static_cast<double>(state_.n_pad) : 0.0);
    } else {
        event.probability = 1.0F - step.pad_probability;
    }
    state_.last_time = event.time;
    out.push_back(event);
}

void turn_detector::push(const turn_step & step, std::vector<turn_event> & out) {
    if (!options_.enabled) {
        return;
    }
    state_.since_piece++;
    if (step.is_piece) {
        state_.since_piece = 0;
        state_.sum_pad     = 0.0;
        state_.n_pad       = 0;
    } else {
        state_.sum_pad += static_cast<double>(step.pad_probability);
        state_.n_pad++;
    }
    const bool has_heads = step.n_pauses > 0;
    if (step.is_audio) {
        const double frame = 1.0 / frame_rate_;
        state_.n_steps++;
        if (step.active) {
            state_.active_from = state_.n_quiet > 0 || state_.n_steps == 1 ? step.heard - frame : state_.active_from;
            state_.n_quiet     = 0;
            state_.last_active = step.heard;
        } else {
            state_.n_quiet++;
        }
        if (has_heads && state_.n_steps > n_start_up_steps) {
            const auto p    = static_cast<double>(step.pauses[std::min(options_.head, step.n_pauses - 1)]);
            state_.smoothed = keep_ * state_.smoothed + (1.0 - keep_) * p;
            state_.n_low    = state_.smoothed < options_.speech_threshold && step.active ? state_.n_low + 1 : 0;
            state_.n_high   = state_.smoothed > options_.pause_threshold ? state_.n_high + 1 : 0;
        }
    }
    if (!speaking_ && says_speech(step)) {
        speaking_     = true;
        state_.n_high = 0;
        publish(false, step.opens_word ? step.word_start : state_.active_from, step, out);
    } else if (speaking_ && step.is_audio && !step.is_piece && says_pause(step)) {
        speaking_         = false;
        state_.n_low      = 0;
        state_.pause_from = state_.last_active;
        publish(true, state_.last_active, step, out);
    }
}

}  // namespace kstt
