// When somebody speaks and when they have stopped: from the model's pause heads where it has them, else from its
// tokens and the loudness of the audio.
//
// The heads (spec 7) are noise during the first steps, and call runs of spoken digits a pause; so they are smoothed,
// have two thresholds, count only once speech has begun, and cannot speak against what is plainly heard: a loud frame
// while words keep coming.
#pragma once

#include <cstdint>
#include <vector>

namespace kstt {

struct turn_options {
    bool    enabled           = false;
    int32_t head              = 2;     // pauses of 0.5, 1, 2, 3 s; upstream's clients all read the third
    double  pause_threshold   = 0.6;   // smoothed probability from which on it is a pause (unmute)
    double  speech_threshold  = 0.4;   // and below which it is speech
    double  smoothing_seconds = 0.16;  // time constant
    double  pause_seconds     = 0.6;   // without heads: silence that counts as a pause

    template <typename Archive>
    void archive(Archive & a) {
        a(enabled, head, pause_threshold, speech_threshold, smoothing_seconds, pause_seconds);
    }
};

// What one step knows.
struct turn_step {
    double        heard           = 0.0;      // seconds of audio heard so far
    bool          is_audio        = true;     // false: the frame was put in, not pushed
    bool          active          = false;    // the frame stands out from the background
    const float * pauses          = nullptr;  // [n_pauses] probability of a pause, per head
    int32_t       n_pauses        = 0;
    bool          is_piece        = false;  // the token is part of a word
    bool          opens_word      = false;  // the first piece of one
    double        word_start      = 0.0;    // of that word
    float         pad_probability = 0.0F;   // how sure the model was of saying nothing
};

struct turn_event {
    bool   is_pause    = false;  // else speech
    double time        = 0.0;    // where it began
    double heard       = 0.0;    // seconds of audio heard when it was decided
    float  probability = 0.0F;
    bool   from_heads  = false;  // else from tokens and loudness
};

class turn_detector {
  public:
    // Steps per second; delay of the tokens in seconds.
    turn_detector(const turn_options & options, double frame_rate, double delay_seconds);

    void push(const turn_step & step, std::vector<turn_event> & out);

    bool is_speaking() const { return speaking_; }

    void reset() { state_ = {}, speaking_ = false; }

    template <typename Archive>
    void archive(Archive & a) {
        a(state_, speaking_);
    }

  private:
    struct memory {
        int64_t n_steps     = 0;        // of audio
        double  smoothed    = 1.0;      // probability of a pause
        int64_t n_low       = 0;        // steps in a row below the speech threshold, with sound
        int64_t n_high      = 0;        // steps in a row above the pause threshold
        int64_t n_quiet     = 0;        // frames in a row that are not active
        int64_t since_piece = 1 << 20;  // steps
        double  last_active = 0.0;      // end of the last active frame
        double  active_from = 0.0;      // start of the last run of active frames
        double  last_time   = 0.0;      // of the last event
        double  pause_from  = 0.0;      // of the last pause
        double  sum_pad     = 0.0;      // over the steps since the last piece
        int64_t n_pad       = 0;

        template <typename Archive>
        void archive(Archive & a) {
            a(n_steps, smoothed, n_low, n_high, n_quiet, since_piece, last_active, active_from, last_time, pause_from);
            a(sum_pad, n_pad);
        }
    };

    bool says_speech(const turn_step & step) const;
    bool says_pause(const turn_step & step) const;
    void publish(bool is_pause, double time, const turn_step & step, std::vector<turn_event> & out);

    turn_options options_;
    double       frame_rate_;
    double       delay_;
    double       keep_;  // share of the smoothed value that a step leaves
    memory       state_;
    bool         speaking_ = false;
};

}  // namespace kstt
