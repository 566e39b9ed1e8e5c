// Host state of one audio stream: waiting audio, codes, tokens, words, events. Its device state is the slot of the
// engine it holds. Every member function locks the session's own lock; the engine's step uses the same calls.
#pragma once

#include "model/stt-model.h"
#include "session/audio-intake.h"
#include "session/draft-length.h"
#include "session/level-meter.h"
#include "session/session-event.h"
#include "session/session-options.h"
#include "session/sound-trace.h"
#include "session/token-constraint.h"
#include "session/token-picker.h"
#include "session/word-publisher.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace kstt {

class byte_reader;
class byte_writer;

class session {
  public:
    // Throws INVALID_ARGUMENT: a token of the options that the model does not have.
    session(const stt_model & model, const session_options & options, int32_t slot);

    // Known steps that a replay shows in one call of the decoder.
    static constexpr int64_t columns_per_call = 8;

    int32_t slot() const { return slot_; }

    const session_options & options() const { return options_; }

    bool is_live() const { return options_.priority == session_priority::live; }

    // Returns nanoseconds spent resampling. Throws INVALID_AUDIO, INVALID_STATE.
    int64_t push_pcm(const float * pcm, size_t n, int32_t sample_rate);
    // Throws INVALID_STATE after the end.
    void    flush();
    void    end();
    void    reset();

    // Whole frames of PCM waiting for the codec.
    int64_t n_queued_frames() const;
    // Calls of the decoder that wait, queued frames included.
    int64_t n_ready() const;

    // Copies n_frames frames of PCM out of the queue.
    void take_pcm(int64_t n_frames, std::vector<float> & out);
    // codes [n_frames][n_quantizers]
    void put_codes(const int32_t * codes, int64_t n_frames);

    // True if the decoder can be called now.
    bool can_step() const;

    struct decoder_work {
        int64_t n_columns = 0;
        bool    replay    = false;  // known steps, shown again: their logits are of no use
        bool    restart   = false;  // the slot's decoder state has to be cleared first
    };

    // The next call of the decoder; appends its ids: per column a text id, then codes. may_draft: more than one step
    // where their codes wait, the text of all but the first drafted.
    decoder_work next_work(std::vector<int32_t> & ids, bool may_draft) const;
    // What became of a call of several steps.
    void         put_draft(int64_t n_computed, int64_t n_kept);
    // Takes the result of that call. pauses [n_pauses]: probabilities of the pause heads, if the model has any.
    void         put_step(const step_logits & logits, const float * pauses, int32_t n_pauses);
    void         put_replay(int64_t n_columns);

    bool poll(session_event & out);

    // Between two steps.
    void save(byte_writer & out);
    // Throws INVALID_SNAPSHOT.
    void load(byte_reader & in);

    // For tests of the remedy: a state that emits these tokens, whatever the model says, until it is renewed.
    void get_stuck(const std::vector<int32_t> & tokens);

  private:
    struct heard_frame {
        float decibels = 0.0F;
        bool  is_audio = false;

        template <typename Archive>
        void archive(Archive & a) {
            a(decibels, is_audio);
        }
    };

    template <typename Archive>
    void archive(Archive & a);

    void                 clear();
    void                 put_prompt_in();
    picked_token         pick(const step_logits & logits);
    level_meter::verdict hear();
    void            watch_turn(const picked_token & picked, bool is_active, const float * pauses, int32_t n_pauses);
    void            renew(refresh_reason reason);
    void            check_prompt();
    void            pass_marks();
    void            check_loaded() const;
    void            deliver();
    session_event & add_event(int32_t type, double start, double end);
    bool            can_step_locked() const;
    int64_t         n_steps_with_codes() const;

    const stt_model &     model_;
    const session_options options_;
    const int32_t         slot_;

    mutable std::mutex        lock_;
    timeline                  line_;
    audio_intake              intake_;
    std::deque<heard_frame>   heard_;  // of the frames whose codes wait, or are being computed
    std::vector<int32_t>      codes_;  // waiting, [frame][num_codebooks]; used_ values at the front are done
    size_t                    used_       = 0;
    int64_t                   step_       = 0;
    int32_t                   previous_   = 0;  // token of the step before
    int64_t                   n_pads_     = 0;  // in a row, up to now
    int64_t                   n_extended_ = 0;  // frames of silence added to the pending flush
    int64_t                   n_again_    = 0;  // steps to come that were taken before a stall was noticed
    bool                      finished_   = false;
    token_constraint          constraint_;
    bool                      is_stuck_ = false;
    std::deque<int32_t>       forced_;          // tokens of the next steps, decided beforehand
    int64_t                   prompt_end_ = 0;  // stream sample; what is said before it belongs to the prompt
    sound_trace               sounds_;
    word_publisher            words_;
    level_meter               levels_;
    turn_detector             turns_;
    draft_length              draft_;
    refresh_keeper            refresh_;
    event_list                fresh_;  // of the step under way
    std::deque<session_event> events_;
};

}  // namespace kstt
