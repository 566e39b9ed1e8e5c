#include "session/engine.h"

#include "model/model-fingerprint.h"
#include "runtime/byte-archive.h"
#include "runtime/error.h"
#include "session/snapshot.h"

#include <algorithm>

namespace kstt {

namespace {

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

engine::engine(const std::string & path, const engine_options & options) : options_(options) {
    // The weights only need the device, not its threads; how many threads pay depends on the weights.
    backend_ = std::make_unique<compute_backend>(std::max(options.n_threads, 1));
    model_   = stt_model::load(open_model(path, options.source), *backend_, options.device.packed_weights);
    if (options.n_threads == 0) {
        backend_->set_threads(choose_threads(*model_));
    }
    networks_ = options.device.open(*model_, *backend_);
    mimi_options codec;
    codec.n_slots             = options.n_slots;
    codec.max_frames_per_call = chunk_frames;
    codec_                    = networks_->make_codec(codec);
    decoder_options text;
    text.n_slots              = options.n_slots;
    text.max_columns_per_call = session::columns_per_call;
    decoder_                  = networks_->make_decoder(text);
    sessions_.resize(static_cast<size_t>(options.n_slots));
}

engine::~engine() = default;

int64_t engine::state_bytes() const {
    return static_cast<int64_t>(codec_->state_bytes() + decoder_->state_bytes());
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
    stats_.step_ns += stats.step_ns;
    stats_.max_step_ns = std::max(stats_.max_step_ns, stats.max_step_ns);
    stats_.steps += stats.steps;
    stats_.replay_frames += stats.replay_frames;
}

// Holds the lock between two rounds of a step, which waits until nobody wants in any more.
class engine::round_break {
  public:
    explicit round_break(engine & owner) : owner_(owner), hold_(owner.lock_) {
        owner_.n_waiting_++;
        owner_.step_over_.wait(hold_, [&] { return !owner_.in_step_; });
    }

    ~round_break() {
        owner_.n_waiting_--;
        owner_.step_over_.notify_all();
    }

    round_break(const round_break &)             = delete;
    round_break & operator=(const round_break &) = delete;

  private:
    engine &                     owner_;
    std::unique_lock<std::mutex> hold_;
};

size_t engine::free_slot() const {
    for (size_t slot = 0; slot < sessions_.size(); slot++) {
        if (sessions_[slot] == nullptr) {
            return slot;
        }
    }
    throw error(
        KSTT_STATUS_NO_SLOT,
        format("all %d slots are taken; free a session or create the engine with more slots", options_.n_slots));
}

std::shared_ptr<session> engine::create_session(const session_options & options) {
    const round_break hold(*this);
    const size_t      slot  = free_slot();
    auto              fresh = std::make_shared<session>(*model_, options, static_cast<int32_t>(slot));
    codec_->reset(fresh->slot());
    decoder_->reset(fresh->slot());
    sessions_[slot] = fresh;
    return fresh;
}

void engine::remove_session(const std::shared_ptr<session> & target) {
    const round_break hold(*this);
    const auto        slot = static_cast<size_t>(target->slot());
    if (sessions_[slot] == target) {
        sessions_[slot] = nullptr;
    }
}

void engine::reset_session(const std::shared_ptr<session> & target) {
    const round_break hold(*this);
    target->reset();
    codec_->reset(target->slot());
    decoder_->reset(target->slot());
}

std::vector<uint8_t> engine::save_session(const std::shared_ptr<session> & target) {
    const round_break hold(*this);
    byte_writer       out;
    session_options   options = target->options();
    out(options);
    target->save(out);
    codec_->save(target->slot(), out);
    decoder_->save(target->slot(), out);
    return seal_snapshot(out.bytes(), model_fingerprint(*model_));
}

std::shared_ptr<session> engine::restore_session(const uint8_t * bytes, size_t size) {
    const snapshot_payload payload = open_snapshot(bytes, size, model_fingerprint(*model_));
    byte_reader            in(payload.bytes, payload.size);
    session_options        options;
    in(options);
    const round_break hold(*this);
    const size_t      slot  = free_slot();
    auto              fresh = std::make_shared<session>(*model_, options, static_cast<int32_t>(slot));
    fresh->load(in);
    codec_->load(fresh->slot(), in);
    decoder_->load(fresh->slot(), in);
    if (in.left() > 0) {
        throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: bytes follow its end");
    }
    sessions_[slot] = fresh;
    return fresh;
}

void engine::push_pcm(session & target, const float * pcm, size_t n, int32_t sample_rate) {
    work_stats stats;
    stats.resample_ns = target.push_pcm(pcm, n, sample_rate);
    add_stats(stats);
}

std::unique_ptr<generation> engine::create_generation(audio_batch batch, generation_options options) {
    return std::make_unique<generation>(*model_, *networks_, std::move(batch), std::move(options));
}

work_progress engine::advance(generation & target, int64_t max_frames) {
    const compute_turn  turn(computing_);
    work_stats          stats;
    const work_progress progress = target.advance(max_frames, target.records() ? &network() : nullptr, stats);
    add_stats(stats);
    return progress;
}

forward_network & engine::network() {
    if (network_ == nullptr) {
        network_ = std::make_unique<forward_network>(model_->decoder, *backend_);
    }
    return *network_;
}

std::shared_ptr<decoder_cache> engine::create_cache(int64_t n_rows, int64_t window) const {
    return std::make_shared<decoder_cache>(
        model_->decoder, n_rows, window < 0 ? model_->config.decoder.sliding_window : window);
}

std::unique_ptr<forward_pass> engine::create_forward(forward_inputs                 inputs,
                                                     std::shared_ptr<decoder_cache> cache) const {
    return std::make_unique<forward_pass>(model_->decoder, std::move(inputs), std::move(cache));
}

work_progress engine::advance(forward_pass & target, int64_t max_positions) {
    const compute_turn  turn(computing_);
    work_stats          stats;
    const work_progress progress = target.advance(network(), max_positions, stats);
    add_stats(stats);
    return progress;
}

}  // namespace kstt
