#include "session/audio-intake.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>

namespace kstt {

void audio_intake::clear() {
    resampler_.reset();
    pcm_.clear();
    held_.clear();
    used_            = 0;
    earlier_seconds_ = 0.0;
    n_pushed_        = 0;
    ended_           = false;
    restart_         = true;
    n_stream_ = n_taken_ = 0;
    has_new_             = false;
    pending_             = mark::none;
    pending_frame_ = last_mark_frame_ = 0;
    pending_seconds_                  = 0.0;
}

void audio_intake::put_in(const float * pcm, size_t n) {
    KSTT_CHECK(pending_ == mark::none && restart_);
    line_.silence_from(n_stream_, 0.0);
    if (pcm != nullptr) {
        pcm_.insert(pcm_.end(), pcm, pcm + n);
    } else {
        pcm_.resize(pcm_.size() + n, 0.0F);
    }
    n_stream_ += static_cast<int64_t>(n);
}

double audio_intake::duration() const {
    return earlier_seconds_ +
           (resampler_ != nullptr ? static_cast<double>(n_pushed_) / static_cast<double>(resampler_->rate_in()) : 0.0);
}

// Where pushed audio goes. With a mark pending it waits.
std::vector<float> & audio_intake::target() {
    if (pending_ == mark::none) {
        return pcm_;
    }
    if (held_.empty() || held_.back().then != mark::none || restart_) {
        held_.emplace_back();
        held_.back().seconds = duration();
        held_.back().restart = restart_;
    }
    return held_.back().pcm;
}

void audio_intake::push(const float * pcm, size_t n, int32_t sample_rate) {
    if (sample_rate < resampler::min_rate || sample_rate > resampler::max_rate) {
        throw error(KSTT_STATUS_INVALID_AUDIO,
                    format("sample rate %d Hz; rates from %d to %d Hz are supported",
                           sample_rate,
                           resampler::min_rate,
                           resampler::max_rate));
    }
    for (size_t i = 0; i < n; i++) {
        if (!std::isfinite(pcm[i])) {
            throw error(KSTT_STATUS_INVALID_AUDIO, format("sample %zu of the chunk is not a finite number", i));
        }
    }
    if (ended_) {
        throw error(KSTT_STATUS_INVALID_STATE, "audio was pushed after the end of the stream; reset the session first");
    }
    if (n == 0) {
        return;
    }
    if (resampler_ != nullptr && resampler_->rate_in() != sample_rate) {
        close_resampler();
    }
    if (resampler_ == nullptr) {
        resampler_ = std::make_unique<resampler>(sample_rate, options_.sample_rate);
    }
    const double         seconds = duration();
    std::vector<float> & to      = target();
    const size_t         before  = to.size();
    resampler_->push(pcm, n, to);
    if (pending_ == mark::none) {
        note_appended(before, restart_, seconds);
    }
    restart_ = false;
    n_pushed_ += static_cast<int64_t>(n);
}

// Makes what the resampler still holds; the next push starts a fresh one and sets the clock.
void audio_intake::close_resampler() {
    if (resampler_ == nullptr) {
        return;
    }
    std::vector<float> & to     = target();
    const size_t         before = to.size();
    resampler_->flush(to);
    if (pending_ == mark::none) {
        note_appended(before, false, 0.0);
    }
    earlier_seconds_ = duration();
    n_pushed_        = 0;
    restart_         = true;
    resampler_.reset();
}

void audio_intake::flush() {
    if (ended_) {
        throw error(KSTT_STATUS_INVALID_STATE, "flush was called after the end of the stream; reset the session first");
    }
    set_mark(mark::flush);
}

void audio_intake::end() {
    if (!ended_) {
        set_mark(mark::end);
        ended_ = true;
    }
}

void audio_intake::set_mark(mark what) {
    close_resampler();
    if (pending_ == mark::none) {
        begin_mark(what, duration());
        return;
    }
    if (held_.empty() || held_.back().then != mark::none) {
        held_.emplace_back();
    }
    held_.back().then         = what;
    held_.back().mark_seconds = duration();
}

// Everything before the mark is queued by now.
void audio_intake::begin_mark(mark what, double seconds) {
    pending_         = what;
    pending_seconds_ = seconds;
    if (!has_new_) {
        pending_frame_ = last_mark_frame_;
        return;
    }
    line_.silence_from(n_stream_, seconds);
    append_silence(what == mark::end ? options_.tail_samples : options_.flush_frames * options_.frame_size);
    // The last partial frame is completed with silence.
    const int64_t part = n_stream_ % options_.frame_size;
    append_silence(part == 0 ? 0 : options_.frame_size - part);
    pending_frame_   = n_stream_ / options_.frame_size;
    last_mark_frame_ = pending_frame_;
    has_new_         = false;
}

void audio_intake::extend() {
    append_silence(options_.frame_size);
    last_mark_frame_ = ++pending_frame_;
}

void audio_intake::pass() {
    KSTT_CHECK(pending_ == mark::flush);
    pending_ = mark::none;
    while (!held_.empty() && pending_ == mark::none) {
        const waiting next = std::move(held_.front());
        held_.pop_front();
        append(next.pcm, next.restart, next.seconds);
        if (next.then != mark::none) {
            begin_mark(next.then, next.mark_seconds);
        }
    }
}

void audio_intake::append(const std::vector<float> & pcm, bool restart, double seconds) {
    const size_t before = pcm_.size();
    pcm_.insert(pcm_.end(), pcm.begin(), pcm.end());
    note_appended(before, restart, seconds);
}

void audio_intake::note_appended(size_t n_before, bool restart, double seconds) {
    if (restart) {
        line_.audio_from(n_stream_, seconds);
    }
    const auto n = static_cast<int64_t>(pcm_.size() - n_before);
    n_stream_ += n;
    has_new_ = has_new_ || n > 0;
}

void audio_intake::append_silence(int64_t n) {
    pcm_.resize(pcm_.size() + static_cast<size_t>(n), 0.0F);
    n_stream_ += n;
}

int64_t audio_intake::n_frames() const {
    const auto queued = static_cast<int64_t>(pcm_.size() - used_) / options_.frame_size;
    return pending_ == mark::none ? queued : std::max<int64_t>(0, std::min(queued, pending_frame_ - n_taken_));
}

void audio_intake::take(int64_t n_frames, std::vector<float> & out) {
    const auto n = static_cast<size_t>(n_frames * options_.frame_size);
    KSTT_CHECK(used_ + n <= pcm_.size());
    out.assign(pcm_.begin() + static_cast<int64_t>(used_), pcm_.begin() + static_cast<int64_t>(used_ + n));
    used_ += n;
    n_taken_ += n_frames;
    // Drop what is used once it outweighs the rest: each sample moves a bounded number of times.
    if (used_ > pcm_.size() / 2) {
        compact();
    }
}

void audio_intake::compact() {
    pcm_.erase(pcm_.begin(), pcm_.begin() + static_cast<int64_t>(used_));
    used_ = 0;
}

}  // namespace kstt
