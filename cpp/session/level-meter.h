// Loudness of the frames of a stream: which of them stand out from its background, and which are as loud as its speech.
#pragma once

#include <cstdint>
#include <deque>

namespace kstt {

// Decibels relative to full scale of n samples; digital silence is -100.
float level_of(const float * pcm, int64_t n);

class level_meter {
  public:
    struct verdict {
        bool active = false;  // stands out from the background
        bool speech = false;  // as loud as what words came from so far; false while none came
    };

    // frame_rate: frames per second; delay_frames: from a sound to the token of its word.
    level_meter(double frame_rate, int64_t delay_frames) : frame_rate_(frame_rate), delay_frames_(delay_frames) {}

    verdict push(float decibels);

    // The model has just said part of a word: the frame it was heard in is speech.
    void learn_speech();

    void reset() { *this = level_meter(frame_rate_, delay_frames_); }

    template <typename Archive>
    void archive(Archive & a) {
        a(n_frames_, recent_, floor_, peak_, speech_, n_speech_);
    }

  private:
    double            frame_rate_;
    int64_t           delay_frames_;
    int64_t           n_frames_ = 0;
    std::deque<float> recent_;           // dB of the last delay_frames_ + 1 frames; quiet ones as silence
    float             floor_    = 0.0F;  // dB, of the background
    float             peak_     = 0.0F;  // dB, of what stands out
    float             speech_   = 0.0F;  // dB, running mean
    int64_t           n_speech_ = 0;
};

}  // namespace kstt
