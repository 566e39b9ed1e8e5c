// Which of the last frames of a stream had sound in them, to tell where a word ends that silence follows: the tokens
// say when a word begins, but of its end only that the next word has begun, or that none has for a while.
#pragma once

#include <cstdint>
#include <deque>

namespace kstt {

class sound_trace {
  public:
    // The next frame of the stream: does it stand out from the background?
    void push(bool active);

    // Where the sound of a word ends, in frames from the start of the stream: the first silence that begins at or after
    // frame `spoken` (the word's last piece) and lasts, or reaches `limit`. -1 where that cannot be said: no frame from
    // `from` (where the word begins) on stands out, or none of them is kept any more.
    int64_t end_of_sound(double from, double spoken, double limit) const;

    void reset() { *this = {}; }

    template <typename Archive>
    void archive(Archive & a) {
        a(first_, active_);
    }

  private:
    int64_t             first_ = 0;  // frame of active_[0]
    std::deque<uint8_t> active_;
};

}  // namespace kstt
