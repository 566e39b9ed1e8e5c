// Decoder steps to seconds of the audio pushed. The model hears the audio with things put in that are not part of it:
// silence before a file, at flushes and at the end, a prompt. This object knows where, for all who need a time.
#pragma once

#include <cstdint>
#include <deque>

namespace kstt {

class timeline {
  public:
    // Rate in Hz, frame in samples; delay: seconds from a sound to its tokens.
    timeline(int32_t sample_rate, int32_t frame_size, double delay_seconds)
        : rate_(sample_rate), frame_size_(frame_size), delay_(delay_seconds) {}

    // From stream sample `at` on comes audio whose first sample lies at `seconds` of the audio pushed.
    void audio_from(int64_t at, double seconds) { add({ at, seconds, true }); }

    // From stream sample `at` on comes what does not count: the clock stands at `seconds`.
    void silence_from(int64_t at, double seconds) { add({ at, seconds, false }); }

    // Seconds at which that began which the model announces at this step. Never falls from step to step, >= 0.
    double time_of_step(int64_t step) const {
        return time_at(static_cast<double>(step * frame_size_) - delay_ * rate_);
    }

    // Seconds of the audio at a stream sample: without the model's delay.
    double time_at(double sample) const;

    // Stream sample of what the model announces at this step.
    double sample_of_step(int64_t step) const { return static_cast<double>(step * frame_size_) - delay_ * rate_; }

    // The same in frames of the stream.
    double frame_of_step(int64_t step) const { return sample_of_step(step) / static_cast<double>(frame_size_); }

    // Seconds of the audio at the start of a frame.
    double time_of_frame(int64_t frame) const { return time_at(static_cast<double>(frame * frame_size_)); }

    // False where the frame begins with something put in.
    bool is_audio(int64_t frame) const;

    // No time before this step will be asked for any more.
    void forget_before(int64_t step);

    double steps_per_second() const { return static_cast<double>(rate_) / frame_size_; }

    double delay_seconds() const { return delay_; }

    void clear() { pieces_.clear(); }

    template <typename Archive>
    void archive(Archive & a) {
        a(pieces_);
    }

  private:
    struct piece {
        int64_t at      = 0;
        double  seconds = 0.0;
        bool    audio   = false;

        template <typename Archive>
        void archive(Archive & a) {
            a(at, seconds, audio);
        }
    };

    void          add(const piece & next);
    const piece * find(double sample, const piece ** after) const;

    int32_t           rate_;
    int64_t           frame_size_;
    double            delay_;
    std::deque<piece> pieces_;  // by `at`
};

}  // namespace kstt
