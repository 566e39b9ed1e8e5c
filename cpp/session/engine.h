// One loaded model on one device: owns weights, device state, slots; steps its sessions in batches.
#pragma once

#include "model/networks.h"
#include "runtime/error.h"
#include "session/codec-work.h"
#include "session/forward-pass.h"
#include "session/generation.h"
#include "session/session.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kstt {

struct engine_options {
    int32_t        n_threads = 0;  // 0: chosen
    int32_t        n_slots   = 1;
    source_options source;
    network_device device = cpu_device();
};

class engine {
  public:
    engine(const std::string & path, const engine_options & options);
    ~engine();
    engine(const engine &)             = delete;
    engine & operator=(const engine &) = delete;

    const stt_model & model() const { return *model_; }

    // See networks::device.
    std::string device() const { return networks_->device(); }

    int32_t n_threads() const { return backend_->n_threads(); }

    int32_t n_slots() const { return options_.n_slots; }

    int64_t state_bytes() const;

    work_progress prefault(int64_t max_bytes);

    work_stats stats() const;
    void       reset_stats();

    // Frames a stream with a backlog sends through the codec at once; the products then have columns enough to be bound
    // by arithmetic, and one call stays below the time of a few live steps.
    static constexpr int32_t chunk_frames = 8;

    // Throws NO_SLOT, INVALID_ARGUMENT.
    std::shared_ptr<session> create_session(const session_options & options);
    // Takes effect between steps; the slot is free afterwards.
    void                     remove_session(const std::shared_ptr<session> & target);
    void                     reset_session(const std::shared_ptr<session> & target);
    std::vector<uint8_t>     save_session(const std::shared_ptr<session> & target);
    // Throws INVALID_SNAPSHOT, NO_SLOT.
    std::shared_ptr<session> restore_session(const uint8_t * bytes, size_t size);
    void                     push_pcm(session & target, const float * pcm, size_t n, int32_t sample_rate);

    // Up to max_steps rounds of all ready sessions; a file alone may take several steps in one (draft-length.h).
    // Returns steps done. Throws BUSY.
    int64_t step(int32_t max_steps);

    std::unique_ptr<generation>    create_generation(audio_batch batch, generation_options options);
    // window < 0: the model's; 0: none.
    std::shared_ptr<decoder_cache> create_cache(int64_t n_rows, int64_t window) const;
    // Throws INVALID_ARGUMENT, INVALID_STATE.
    std::unique_ptr<forward_pass>  create_forward(forward_inputs inputs, std::shared_ptr<decoder_cache> cache) const;
    // Throws BUSY.
    work_progress                  advance(forward_pass & target, int64_t max_positions);
    work_progress                  advance(generation & target, int64_t max_frames);

    // The codec alone. Whatever decodes loads the codec's decoder half first, once; it throws what
    // load_mimi_decoder_weights throws. stream nullptr: whole input.
    std::shared_ptr<codec_stream> create_codec_stream(bool decodes, int32_t n_rows);
    std::unique_ptr<encoding>     create_encoding(audio_batch batch, std::shared_ptr<codec_stream> stream);
    std::unique_ptr<decoding>     create_decoding(code_batch batch, std::shared_ptr<codec_stream> stream);
    // Throw BUSY.
    work_progress                 advance(encoding & target, int64_t max_frames);
    work_progress                 advance(decoding & target, int64_t max_frames);

  private:
    class round_break;
    using session_list = std::vector<std::shared_ptr<session>>;

    // Marks the engine as computing for as long as it lives. Throws BUSY.
    class compute_turn {
      public:
        explicit compute_turn(std::atomic<bool> & flag) : flag_(flag) {
            if (flag_.exchange(true)) {
                throw error(KSTT_STATUS_BUSY, "the engine is computing another call; wait for it to return");
            }
        }

        ~compute_turn() { flag_ = false; }

        compute_turn(const compute_turn &)             = delete;
        compute_turn & operator=(const compute_turn &) = delete;

      private:
        std::atomic<bool> & flag_;
    };

    // The sessions that take part in a round, the live ones first.
    struct round_list {
        session_list live;
        session_list files;
    };

    size_t            free_slot() const;
    // Made when first asked for, by whoever computes.
    forward_network & network();
    round_list        begin_round();
    void              end_round();
    int64_t           step_round(const session_list & active);
    void              encode_waiting(const session_list & active);
    int64_t           decode_waiting(const session_list & active);
    void              encode_group(const std::vector<session *> & group, int64_t n_frames);
    int64_t           decode_group(const std::vector<session *> & group, const decoder_call & call, bool replay);
    void              put_step(session & target, int64_t column);
    int64_t           keep_drafted(session & target, const decoder_call & call);
    void              add_stats(const work_stats & stats);
    template <typename W>
    work_progress                advance_codec(W & target, int64_t max_frames);
    const mimi_decoder_weights & codec_decoder();

    const engine_options                  options_;
    std::unique_ptr<compute_backend>      backend_;
    std::unique_ptr<stt_model>            model_;
    std::unique_ptr<networks>             networks_;
    std::unique_ptr<codec_network>        codec_;
    std::unique_ptr<decoder_network>      decoder_;
    std::unique_ptr<forward_network>      network_;        // made when first needed, by whoever computes
    std::mutex                            prefault_lock_;  // apart from lock_: paging in takes long
    int64_t                               prefaulted_ = 0;
    std::mutex                            codec_lock_;     // apart from lock_: loading takes long
    std::unique_ptr<mimi_decoder_weights> codec_decoder_;  // nullptr until something decodes

    std::atomic<bool>                     computing_{ false };
    mutable std::mutex                    lock_;  // guards what follows
    std::condition_variable               step_over_;
    bool                                  in_step_       = false;
    int32_t                               n_waiting_     = 0;  // calls that want in between two rounds
    int32_t                               n_live_rounds_ = 0;  // in a row that left files out
    std::vector<std::shared_ptr<session>> sessions_;           // by slot; nullptr: free
    work_stats                            stats_;
};

}  // namespace kstt
