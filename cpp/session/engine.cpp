#include "session/engine.h"

#include "runtime/error.h"
#include "session/stopwatch.h"

#include <algorithm>

namespace kstt {

namespace {

// Frames a file's stream sends through the codec at once; the products then have columns enough to be bound by
// arithmetic, and one call stays below the time of a few live steps.
constexpr int32_t file_chunk_frames = 8;

// Below this many bytes read per step a second thread costs more in waiting than it saves.
constexpr int64_t single_thread_bytes = 8 << 20;

int32_t choose_threads(const stt_model & model) {
    if (model.store->mapped_bytes() + model.store->owned_bytes() < single_thread_bytes) {
        return 1;
    }
    // A step is bound by memory bandwidth; more threads than this no longer add any on the machines measured.
    return std::min(n_hardware_threads(), 16);
}

}  // namespace

// Marks the engine as computing for as long as it lives.
class engine::compute_turn {
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

engine::engine(const std::string & path, const engine_options & options) : options_(options) {
    // The weights only need the device, not its threads; how many threads pay depends on the weights.
    backend_ = std::make_unique<compute_backend>(std::max(options.n_threads, 1));
    model_   = stt_model::load(open_model(path, options.source), *backend_);
    if (options.n_threads == 0) {
        backend_->set_threads(choose_threads(*model_));
    }
    mimi_options codec;
    codec.n_slots             = options.n_slots;
    codec.max_frames_per_call = file_chunk_frames;
    mimi_                     = std::make_unique<mimi_encoder>(model_->mimi, codec, *backend_);
    decoder_options text;
    text.n_slots = options.n_slots;
    decoder_     = std::make_unique<text_decoder>(model_->decoder, text, *backend_);
    sessions_.resize(static_cast<size_t>(options.n_slots));
}

engine::~engine() = default;

int64_t engine::state_bytes() const {
    return static_cast<int64_t>(mimi_->state_bytes() + decoder_->state_bytes());
}

work_progress engine::prefault(int64_t max_bytes) {
    const std::lock_guard<std::mutex> hold(prefault_lock_);
    prefaulted_ += model_->store->prefault(prefaulted_, max_bytes);
    return { prefaulted_, model_->store->mapped_bytes() };
}

work_stats engine::stats() const {
    const std::lock_guard<std::mutex> hold(lock_);
    return stats_;
}

void engine::reset_stats() {
    const std::lock_guard<std::mutex> hold(lock_);
    stats_ = {};
}

void engine::add_stats(const work_stats & stats) {
    const std::lock_guard<std::mutex> hold(lock_);
    stats_.codec_ns += stats.codec_ns;
    stats_.codec_frames += stats.codec_frames;
    stats_.decoder_ns += stats.decoder_ns;
    stats_.decoder_frames += stats.decoder_frames;
    stats_.decoder_steps += stats.decoder_steps;
    stats_.resample_ns += stats.resample_ns;
}

std::shared_ptr<session> engine::create_session(const session_options & options) {
    std::unique_lock<std::mutex> hold(lock_);
    for (size_t slot = 0; slot < sessions_.size(); slot++) {
        if (sessions_[slot] == nullptr) {
            auto fresh = std::make_shared<session>(*model_, options, static_cast<int32_t>(slot));
            step_over_.wait(hold, [&] { return !in_step_; });
            mimi_->reset(fresh->slot());
            decoder_->reset(fresh->slot());
            sessions_[slot] = fresh;
            return fresh;
        }
    }
    throw error(
        KSTT_STATUS_NO_SLOT,
        format("all %d slots are taken; free a session or create the engine with more slots", options_.n_slots));
}

void engine::remove_session(const std::shared_ptr<session> & target) {
    std::unique_lock<std::mutex> hold(lock_);
    step_over_.wait(hold, [&] { return !in_step_; });
    const auto slot = static_cast<size_t>(target->slot());
    if (sessions_[slot] == target) {
        sessions_[slot] = nullptr;
    }
}

void engine::reset_session(const std::shared_ptr<session> & target) {
    std::unique_lock<std::mutex> hold(lock_);
    step_over_.wait(hold, [&] { return !in_step_; });
    target->reset();
    mimi_->reset(target->slot());
    decoder_->reset(target->slot());
}

void engine::push_pcm(session & target, const float * pcm, size_t n, int32_t sample_rate) {
    work_stats stats;
    stats.resample_ns = target.push_pcm(pcm, n, sample_rate);
    add_stats(stats);
}

void engine::encode_group(const std::vector<session *> & group, int64_t n_frames) {
    std::vector<std::vector<float>> pcm(group.size());
    mimi_call                       call;
    call.n_samples = n_frames * model_->config.codec.frame_size();
    for (size_t i = 0; i < group.size(); i++) {
        group[i]->take_pcm(n_frames, pcm[i]);
        call.slots.push_back(group[i]->slot());
        call.pcm.push_back(pcm[i].data());
    }
    std::vector<int32_t> codes;
    work_stats           stats;
    const stopwatch      watch;
    mimi_->encode(call, codes);
    stats.codec_ns     = watch.elapsed_ns();
    stats.codec_frames = n_frames * static_cast<int64_t>(group.size());
    add_stats(stats);
    const int64_t per_row = n_frames * model_->config.codec.num_quantizers;
    for (size_t i = 0; i < group.size(); i++) {
        group[i]->put_codes(codes.data() + static_cast<int64_t>(i) * per_row, n_frames);
    }
}

// Codes for the sessions that have audio but none waiting: a chunk where a file has queued that much, else one frame of
// all of them together.
void engine::encode_waiting(const std::vector<std::shared_ptr<session>> & active) {
    std::vector<session *> live;
    for (const auto & each : active) {
        const int64_t n_queued = each->can_step() ? 0 : each->n_queued_frames();
        if (n_queued >= file_chunk_frames) {
            encode_group({ each.get() }, file_chunk_frames);
        } else if (n_queued > 0) {
            live.push_back(each.get());
        }
    }
    if (!live.empty()) {
        encode_group(live, 1);
    }
}

int64_t engine::decode_waiting(const std::vector<std::shared_ptr<session>> & active) {
    decoder_call           call;
    std::vector<session *> rows;
    for (const auto & each : active) {
        if (each->can_step()) {
            rows.push_back(each.get());
            call.slots.push_back(each->slot());
            each->next_ids(call.ids);
        }
    }
    if (rows.empty()) {
        return 0;
    }
    const stopwatch watch;
    const float *   logits = decoder_->step(call);
    work_stats      stats;
    stats.decoder_ns     = watch.elapsed_ns();
    stats.decoder_frames = static_cast<int64_t>(rows.size());
    stats.decoder_steps  = 1;
    add_stats(stats);
    for (size_t i = 0; i < rows.size(); i++) {
        rows[i]->put_logits(logits + static_cast<int64_t>(i) * model_->config.decoder.output_vocab_size);
    }
    return static_cast<int64_t>(rows.size());
}

int64_t engine::step(int32_t max_steps) {
    const compute_turn turn(computing_);
    int64_t            done = 0;
    for (int32_t i = 0; i < max_steps; i++) {
        std::vector<std::shared_ptr<session>> active;
        {
            const std::lock_guard<std::mutex> hold(lock_);
            in_step_ = true;
            for (const auto & each : sessions_) {
                if (each != nullptr) {
                    active.push_back(each);
                }
            }
        }
        // Between two rounds others may create, reset, and remove sessions.
        const auto leave = [&] {
            const std::lock_guard<std::mutex> hold(lock_);
            in_step_ = false;
            step_over_.notify_all();
        };
        int64_t stepped = 0;
        try {
            encode_waiting(active);
            stepped = decode_waiting(active);
        } catch (...) {
            leave();
            throw;
        }
        leave();
        if (stepped == 0) {
            break;
        }
        done += stepped;
    }
    return done;
}

std::unique_ptr<generation> engine::create_generation(audio_batch batch,
                                                      int32_t     max_new_tokens,
                                                      int32_t     audio_window_size) {
    return std::make_unique<generation>(*model_, *backend_, std::move(batch), max_new_tokens, audio_window_size);
}

std::unique_ptr<encoding> engine::create_encoding(audio_batch batch) {
    return std::make_unique<encoding>(*model_, *backend_, std::move(batch));
}

work_progress engine::advance(generation & target, int64_t max_frames) {
    const compute_turn  turn(computing_);
    work_stats          stats;
    const work_progress progress = target.advance(max_frames, stats);
    add_stats(stats);
    return progress;
}

work_progress engine::advance(encoding & target, int64_t max_frames) {
    const compute_turn  turn(computing_);
    work_stats          stats;
    const work_progress progress = target.advance(max_frames, stats);
    add_stats(stats);
    return progress;
}

}  // namespace kstt
