// Notices that the decoder has fallen silent while somebody speaks, or repeats itself without end: the failures of
// long sessions that users of the published models report (and that go on until the state is renewed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace kstt {

enum class stall_kind : int32_t { none, silence, loop };

class stall_detector {
  public:
    // delay_steps: from a sound to its tokens.
    stall_detector(double frame_rate, int64_t delay_steps);

    // After each step. is_text: the token is a boundary or a piece; speech: the frame that the step consumed is as loud
    // as the speech so far.
    stall_kind push(int32_t token, bool is_text, bool speech);

    // Steps of silence, the last one included, that have to be taken again after a silence stall.
    int64_t n_silent_steps() const { return n_pads_; }

    // Most steps that n_silent_steps() can ask for at the first alarm.
    int64_t max_silent_steps() const { return min_silence_ + delay_steps_; }

    // The state was renewed after an alarm. Without a word until then, the next alarm waits twice as long.
    void restart(bool after_alarm);

    void reset();

    bool is_sound() const {
        return runs_.size() == static_cast<size_t>(max_period + 1) && tokens_.size() == texts_.size() &&
               patience_ > 0 && patience_ < 1000;
    }

    template <typename Archive>
    void archive(Archive & a) {
        a(tokens_, texts_, speeches_, runs_, n_pads_, patience_, n_steps_);
    }

  private:
    static constexpr int64_t max_period = 32;  // steps

    bool is_loop() const;

    double              frame_rate_;
    int64_t             delay_steps_;
    int64_t             min_silence_;  // steps
    std::deque<int32_t> tokens_;       // the last max_period
    std::deque<uint8_t> texts_;        // likewise
    std::deque<uint8_t> speeches_;     // of the last frames
    std::deque<int64_t> runs_;         // [max_period + 1]: steps in a row whose token equals that of p steps before
    int64_t             n_pads_   = 0;
    int64_t             patience_ = 1;
    int64_t             n_steps_  = 0;
};

}  // namespace kstt
