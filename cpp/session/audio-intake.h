// The way of the audio into a session: resampled, queued in whole frames, with the silence of flushes and of the end
// put in. What is pushed behind a flush waits until the flush is over.
#pragma once

#include "audio/resampler.h"
#include "session/timeline.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace kstt {

struct intake_options {
    int32_t sample_rate  = 24000;  // the model's
    int32_t frame_size   = 1920;
    int64_t flush_frames = 0;  // silence behind a flush
    int64_t tail_samples = 0;  // silence behind the end
};

class audio_intake {
  public:
    enum class mark : int32_t { none, flush, end };

    // Both are borrowed. The line learns where audio and silence lie.
    audio_intake(const intake_options & options, timeline & line) : options_(options), line_(line) {}

    void clear();

    // Puts samples in front of the audio that do not count as audio; nullptr: silence.
    void put_in(const float * pcm, size_t n);

    // Throws INVALID_AUDIO and takes nothing, INVALID_STATE after the end.
    void push(const float * pcm, size_t n, int32_t sample_rate);
    // Throws INVALID_STATE after the end.
    void flush();
    // Once; later calls change nothing.
    void end();

    bool ended() const { return ended_; }

    // Seconds of audio pushed.
    double duration() const;

    // Whole frames waiting up to the pending mark.
    int64_t n_frames() const;
    void    take(int64_t n_frames, std::vector<float> & out);

    int64_t n_taken() const { return n_taken_; }

    // Samples queued up to now, and those of them not taken yet.
    int64_t n_queued_samples() const { return n_stream_; }

    int64_t n_waiting_samples() const { return static_cast<int64_t>(pcm_.size() - used_); }

    // The flush or end that is under way, and the number of frames after which it is reached.
    mark pending() const { return pending_; }

    int64_t pending_frame() const { return pending_frame_; }

    // Seconds of audio before the pending mark.
    double pending_seconds() const { return pending_seconds_; }

    // One more frame of silence before the pending mark.
    void extend();
    // The pending flush is over: what came after it follows.
    void pass();

    template <typename Archive>
    void archive(Archive & a) {
        int32_t rate = resampler_ != nullptr ? resampler_->rate_in() : 0;
        a(rate, pcm_, earlier_seconds_, n_pushed_, ended_, restart_, n_stream_, n_taken_, has_new_, pending_);
        a(pending_frame_, pending_seconds_, last_mark_frame_, held_);
        if (Archive::loading) {
            used_ = 0;
            resampler_.reset();
        }
        if (rate != 0) {
            if (Archive::loading) {
                resampler_ = std::make_unique<resampler>(rate, options_.sample_rate);
            }
            resampler_->archive(a);
        }
    }

    // After archive() has read.
    bool is_sound() const {
        return n_taken_ >= 0 && n_stream_ - n_taken_ * options_.frame_size == static_cast<int64_t>(pcm_.size());
    }

    // Before archive() writes: drops what is used, which no copy needs.
    void compact();

  private:
    // What waits behind a flush: audio, then the mark that follows it, if any.
    struct waiting {
        std::vector<float> pcm;
        double             seconds      = 0.0;    // of the first sample
        bool               restart      = false;  // the clock is set anew with the first sample
        mark               then         = mark::none;
        double             mark_seconds = 0.0;

        template <typename Archive>
        void archive(Archive & a) {
            a(pcm, seconds, restart, then, mark_seconds);
        }
    };

    std::vector<float> & target();
    void                 close_resampler();
    void                 set_mark(mark what);
    void                 begin_mark(mark what, double seconds);
    void                 append(const std::vector<float> & pcm, bool restart, double seconds);
    void                 note_appended(size_t n_before, bool restart, double seconds);
    void                 append_silence(int64_t n);

    const intake_options       options_;
    timeline &                 line_;
    std::unique_ptr<resampler> resampler_;
    std::vector<float>         pcm_;  // at the model's rate; used_ samples at its front are done
    size_t                     used_            = 0;
    double                     earlier_seconds_ = 0.0;  // audio pushed before the resampler last began
    int64_t                    n_pushed_        = 0;    // samples pushed since
    bool                       ended_           = false;
    bool                       restart_         = true;   // the next sample sets the clock
    int64_t                    n_stream_        = 0;      // samples ever queued
    int64_t                    n_taken_         = 0;      // frames
    bool                       has_new_         = false;  // audio was queued since the last mark
    mark                       pending_         = mark::none;
    int64_t                    pending_frame_   = 0;
    double                     pending_seconds_ = 0.0;
    int64_t                    last_mark_frame_ = 0;
    std::deque<waiting>        held_;
};

}  // namespace kstt
