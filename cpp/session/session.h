// Host state of one audio stream: PCM queue, resampler, codes, tokens, words, events. Its device state is the slot of
// the engine it holds. Every member function locks the session's own lock; the engine's step uses the same calls.
#pragma once

#include "audio/resampler.h"
#include "model/stt-model.h"
#include "session/token-picker.h"
#include "session/word-assembler.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kstt {

struct session_options {
    double prefix_seconds = -1.0;  // < 0: the model's
    double tail_seconds   = -1.0;  // < 0: delay + 1 s
    bool   emit_tokens    = false;
};

struct session_event {
    int32_t     type       = 0;  // KSTT_EVENT_*
    int32_t     token      = 0;
    int64_t     step       = 0;
    double      start      = 0.0;
    double      end        = 0.0;
    float       confidence = 0.0F;
    std::string text;
};

class session {
  public:
    session(const stt_model & model, const session_options & options, int32_t slot);

    int32_t slot() const { return slot_; }

    // Returns nanoseconds spent resampling. Throws INVALID_AUDIO, INVALID_STATE.
    int64_t push_pcm(const float * pcm, size_t n, int32_t sample_rate);
    void    end();
    void    reset();

    // Whole frames of PCM waiting for the codec.
    int64_t n_queued_frames() const;
    // Frames whose last step has not been done, queued ones included.
    int64_t n_ready() const;

    // Copies n_frames frames of PCM out of the queue.
    void take_pcm(int64_t n_frames, std::vector<float> & out);
    // codes [n_frames][n_quantizers]
    void put_codes(const int32_t * codes, int64_t n_frames);

    // True if a step can be done now: codes wait, or the stream has audio and step 0 is due.
    bool can_step() const;
    // Appends the ids of the next step: text id, then codes.
    void next_ids(std::vector<int32_t> & ids) const;
    // Takes the result of that step. logits [output_vocab_size]
    void put_logits(const float * logits);

    bool poll(session_event & out);

  private:
    void    clear();
    void    append_silence(int64_t n_samples);
    void    publish(const std::vector<word> & words);
    void    finish_if_done();
    // Seconds of audio pushed.
    double  duration() const;
    bool    can_step_locked() const;
    int64_t n_queued_frames_locked() const;

    const stt_model &     model_;
    const session_options options_;
    const int32_t         slot_;
    const int64_t         n_prefix_samples_;
    const int64_t         n_tail_samples_;

    mutable std::mutex         lock_;
    std::unique_ptr<resampler> resampler_;
    std::vector<float>         pcm_;  // at the model's rate; taken_ samples at its front are used up
    size_t                     taken_           = 0;
    int64_t                    in_codec_        = 0;    // frames taken whose codes have not come back
    double                     earlier_seconds_ = 0.0;  // audio pushed at rates before the current one
    int64_t                    n_pushed_        = 0;    // samples pushed at the current rate
    bool                       ended_           = false;
    bool                       finished_        = false;
    std::vector<int32_t>       codes_;  // waiting, [frame][num_codebooks]; used_ values at the front are done
    size_t                     used_     = 0;
    int64_t                    step_     = 0;
    int32_t                    previous_ = 0;  // token of the step before
    word_assembler             words_;
    std::deque<session_event>  events_;
};

}  // namespace kstt
