// Where each slot's stream is, in either half of the codec: frames since its convolutions began, and the frame at which
// its transformer counts from 0. The two differ only where one of them was told to begin again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt {

class codec_clock {
  public:
    explicit codec_clock(int32_t n_slots) : frames_(static_cast<size_t>(n_slots), 0), attention_start_(frames_) {}

    int64_t frames(int32_t slot) const { return frames_[at(slot)]; }

    int64_t attention_start(int32_t slot) const { return attention_start_[at(slot)]; }

    // Frames that the transformer has seen.
    int64_t attention_frames(int32_t slot) const { return frames(slot) - attention_start(slot); }

    void advance(int32_t slot, int64_t n_frames) { frames_[at(slot)] += n_frames; }

    void set(int32_t slot, int64_t frames, int64_t attention_start) {
        frames_[at(slot)]          = frames;
        attention_start_[at(slot)] = attention_start;
    }

    void restart_attention(int32_t slot) { attention_start_[at(slot)] = frames_[at(slot)]; }

    // A stream's first frame is number 0, so the transformer's start moves before it.
    void restart_convolutions(int32_t slot) { set(slot, 0, -attention_frames(slot)); }

  private:
    static size_t at(int32_t slot) { return static_cast<size_t>(slot); }

    std::vector<int64_t> frames_;
    std::vector<int64_t> attention_start_;
};

}  // namespace kstt
