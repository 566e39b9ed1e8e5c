#include "session/refresh-keeper.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// Half a second without a token: between sentences, and not inside a word.
constexpr double pause_seconds = 0.5;

// Shown again: the delay, whose sounds have no words yet, and as much as a phrase before it.
constexpr double replay_seconds = 2.0;

}  // namespace

refresh_keeper::refresh_keeper(const refresh_options & options,
                               int64_t                 window,
                               int64_t                 n_codes,
                               double                  frame_rate,
                               double                  delay_seconds,
                               int32_t                 pad_id)
    : options_(options), n_codes_(n_codes), pad_id_(pad_id),
      pause_pads_(static_cast<int64_t>(std::ceil(pause_seconds * frame_rate))),
      stalls_(frame_rate, static_cast<int64_t>(std::ceil(delay_seconds * frame_rate))) {
    if (options_.replay_steps == 0) {
        options_.replay_steps = static_cast<int32_t>(std::ceil((delay_seconds + replay_seconds) * frame_rate));
    }
    options_.replay_steps =
        static_cast<int32_t>(std::max<int64_t>(1, std::min<int64_t>(options_.replay_steps, window / 2)));
    if (options_.pause_steps == 0) {
        options_.pause_steps = static_cast<int32_t>(window * 9 / 10);
    }
    if (options_.limit_steps == 0) {
        options_.limit_steps = static_cast<int32_t>(2 * window);
    }
    // A renewed state must be younger than what makes it old.
    options_.pause_steps = std::max(options_.pause_steps, options_.replay_steps + 2);
    options_.limit_steps = std::max(options_.limit_steps, options_.pause_steps);
    capacity_            = options_.replay_steps + stalls_.max_silent_steps();
}

void refresh_keeper::reset() {
    codes_.clear();
    tokens_.clear();
    stalls_.reset();
    since_ = n_pads_ = next_step_ = 0;
    codes_again_.clear();
    token_before_ = 0;
    replay_.clear();
    shown_ = 0;
}

refresh_reason refresh_keeper::push(const taken_step & step) {
    if (!options_.enabled) {
        return refresh_reason::none;
    }
    since_++;
    n_pads_ = step.is_text ? 0 : n_pads_ + 1;
    if (step.codes != nullptr) {
        codes_.insert(codes_.end(), step.codes, step.codes + n_codes_);
        tokens_.push_back(step.token);
        if (static_cast<int64_t>(tokens_.size()) > capacity_) {
            tokens_.pop_front();
            codes_.erase(codes_.begin(), codes_.begin() + n_codes_);
        }
    }
    const stall_kind stall  = stalls_.push(step.token, step.is_text, step.speech);
    refresh_reason   reason = refresh_reason::none;
    if (stall != stall_kind::none && since_ > options_.replay_steps + 1) {
        reason = refresh_reason::stall;
    } else if (since_ >= options_.limit_steps) {
        reason = refresh_reason::limit;
    } else if (since_ >= options_.pause_steps && n_pads_ >= pause_pads_) {
        reason = refresh_reason::pause;
    }
    if (reason != refresh_reason::none) {
        plan(reason, stall, step.step);
    }
    return reason;
}

void refresh_keeper::plan(refresh_reason reason, stall_kind stall, int64_t step) {
    const auto n_kept  = static_cast<int64_t>(tokens_.size());
    // Silence where words should be is decoded again. The tokens of a loop would start it again: they are shown as
    // pads.
    int64_t    n_again = 0;
    if (reason == refresh_reason::stall && stall == stall_kind::silence) {
        n_again = std::min({ stalls_.n_silent_steps(), n_kept - 1, stalls_.max_silent_steps() });
    }
    const int64_t n_shown = std::min<int64_t>(options_.replay_steps, n_kept - n_again);
    const int64_t first   = n_kept - n_again - n_shown;
    const bool    as_pads = stall == stall_kind::loop;

    next_step_ = step + 1 - n_again;
    codes_again_.assign(codes_.end() - n_again * n_codes_, codes_.end());
    token_before_ = n_again < n_kept && !as_pads ? tokens_[static_cast<size_t>(n_kept - n_again - 1)] : pad_id_;
    replay_.clear();
    replay_.push_back(start_text_);
    replay_.insert(replay_.end(), static_cast<size_t>(n_codes_), start_audio_);
    for (int64_t i = first; i < first + n_shown; i++) {
        // The step after the start has seen nothing being said.
        const bool blank = i == first || as_pads;
        replay_.push_back(blank ? pad_id_ : tokens_[static_cast<size_t>(i - 1)]);
        replay_.insert(replay_.end(), codes_.begin() + i * n_codes_, codes_.begin() + (i + 1) * n_codes_);
    }
    shown_ = 0;
    since_ = 1 + n_shown;
    tokens_.resize(static_cast<size_t>(n_kept - n_again));
    codes_.resize(static_cast<size_t>((n_kept - n_again) * n_codes_));
    if (as_pads) {
        std::fill(tokens_.begin(), tokens_.end(), pad_id_);
    }
    stalls_.restart(reason == refresh_reason::stall);
    n_pads_ = 0;
}

bool refresh_keeper::is_sound(int32_t n_tokens, int32_t n_codes) const {
    const auto width    = static_cast<size_t>(n_codes_);
    const auto is_token = [&](int32_t id) { return id >= 0 && id < n_tokens; };
    const auto is_code  = [&](int32_t id) { return id >= 0 && id < n_codes; };
    bool       sound    = codes_.size() == tokens_.size() * width && replay_.size() % (1 + width) == 0 &&
                 shown_ % (1 + width) == 0 && shown_ <= replay_.size() && stalls_.is_sound() &&
                 std::all_of(tokens_.begin(), tokens_.end(), is_token) &&
                 std::all_of(codes_.begin(), codes_.end(), is_code);
    for (size_t i = 0; i < replay_.size(); i++) {
        sound = sound && (i % (1 + width) == 0 ? is_token(replay_[i]) : is_code(replay_[i]));
    }
    return sound;
}

int64_t refresh_keeper::replay_ids(int64_t max_columns, std::vector<int32_t> & ids) const {
    const int64_t n    = std::min(max_columns, n_replay_left());
    const auto    from = replay_.begin() + static_cast<int64_t>(shown_);
    ids.insert(ids.end(), from, from + n * (1 + n_codes_));
    return n;
}

void refresh_keeper::replayed(int64_t n_columns) {
    shown_ += static_cast<size_t>(n_columns * (1 + n_codes_));
    if (!is_replaying()) {
        replay_.clear();
        shown_ = 0;
    }
}

}  // namespace kstt
