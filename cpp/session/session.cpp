#include "session/session.h"

#include "runtime/error.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

// Emitted on the step before a word's first piece (spec 1.2).
constexpr int32_t boundary_id = 0;

using guard = std::lock_guard<std::mutex>;

double prefix_seconds(const stt_model & model, const session_options & options) {
    return options.prefix_seconds < 0.0 ? model.config.audio_silence_prefix_seconds : options.prefix_seconds;
}

// transformers' feature extractor appends the same: the delay, and a second for the last word's pieces.
double tail_seconds(const stt_model & model, const session_options & options) {
    return options.tail_seconds < 0.0 ? model.config.audio_delay_seconds + 1.0 : options.tail_seconds;
}

int64_t samples_of(const stt_model & model, double seconds) {
    return static_cast<int64_t>(seconds * model.config.codec.sampling_rate);
}

word_clock clock_of(const stt_model & model, int64_t n_prefix_samples) {
    const codec_config & codec = model.config.codec;
    word_clock           clock;
    clock.frame_rate     = static_cast<double>(codec.sampling_rate) / codec.frame_size();
    clock.delay_seconds  = model.config.audio_delay_seconds;
    clock.prefix_seconds = static_cast<double>(n_prefix_samples) / codec.sampling_rate;
    clock.boundary_id    = boundary_id;
    clock.pad_id         = model.config.decoder.pad_token_id;
    return clock;
}

}  // namespace

session::session(const stt_model & model, const session_options & options, int32_t slot)
    : model_(model), options_(options), slot_(slot),
      n_prefix_samples_(samples_of(model, prefix_seconds(model, options))),
      n_tail_samples_(samples_of(model, tail_seconds(model, options))),
      words_(&model.pieces, clock_of(model, n_prefix_samples_)) {
    clear();
}

void session::clear() {
    resampler_.reset();
    pcm_.clear();
    codes_.clear();
    events_.clear();
    taken_ = used_   = 0;
    in_codec_        = 0;
    earlier_seconds_ = 0.0;
    n_pushed_        = 0;
    ended_ = finished_ = false;
    step_              = 0;
    // The last row of the text table is the start token; transformers' bos_token_id may name another (spec 5.4 a).
    previous_          = model_.config.decoder.vocab_size - 1;
    words_.reset();
    append_silence(n_prefix_samples_);
}

void session::append_silence(int64_t n_samples) {
    pcm_.resize(pcm_.size() + static_cast<size_t>(n_samples), 0.0F);
}

int64_t session::push_pcm(const float * pcm, size_t n, int32_t sample_rate) {
    if (sample_rate < resampler::min_rate || sample_rate > resampler::max_rate) {
        throw error(KSTT_STATUS_INVALID_AUDIO,
                    format("sample rate %d Hz; rates from %d to %d Hz are supported",
                           sample_rate,
                           resampler::min_rate,
                           resampler::max_rate));
    }
    for (size_t i = 0; i < n; i++) {
        if (!std::isfinite(pcm[i])) {
            throw error(KSTT_STATUS_INVALID_AUDIO, format("sample %zu of the chunk is not a finite number", i));
        }
    }
    const guard hold(lock_);
    if (ended_) {
        throw error(KSTT_STATUS_INVALID_STATE, "audio was pushed after the end of the stream; reset the session first");
    }
    const stopwatch watch;
    if (resampler_ != nullptr && resampler_->rate_in() != sample_rate) {
        resampler_->flush(pcm_);
        earlier_seconds_ = duration();
        n_pushed_        = 0;
        resampler_.reset();
    }
    if (resampler_ == nullptr) {
        resampler_ = std::make_unique<resampler>(sample_rate, model_.config.codec.sampling_rate);
    }
    resampler_->push(pcm, n, pcm_);
    n_pushed_ += static_cast<int64_t>(n);
    return watch.elapsed_ns();
}

double session::duration() const {
    return earlier_seconds_ +
           (resampler_ != nullptr ? static_cast<double>(n_pushed_) / static_cast<double>(resampler_->rate_in()) : 0.0);
}

void session::end() {
    const guard hold(lock_);
    if (ended_) {
        return;
    }
    if (resampler_ != nullptr) {
        resampler_->flush(pcm_);
    }
    append_silence(n_tail_samples_);
    // The last partial frame is completed with silence.
    const int64_t frame_size = model_.config.codec.frame_size();
    const auto    waiting    = static_cast<int64_t>(pcm_.size() - taken_);
    append_silence((waiting + frame_size - 1) / frame_size * frame_size - waiting);
    ended_ = true;
    words_.set_duration(duration());
    finish_if_done();
}

void session::reset() {
    const guard hold(lock_);
    clear();
}

int64_t session::n_queued_frames_locked() const {
    return static_cast<int64_t>(pcm_.size() - taken_) / model_.config.codec.frame_size();
}

int64_t session::n_queued_frames() const {
    const guard hold(lock_);
    return n_queued_frames_locked();
}

int64_t session::n_ready() const {
    const guard hold(lock_);
    return n_queued_frames_locked() + static_cast<int64_t>(codes_.size() - used_) / model_.config.decoder.num_codebooks;
}

void session::take_pcm(int64_t n_frames, std::vector<float> & out) {
    const guard hold(lock_);
    const auto  n = static_cast<size_t>(n_frames * model_.config.codec.frame_size());
    KSTT_CHECK(taken_ + n <= pcm_.size());
    out.assign(pcm_.begin() + static_cast<int64_t>(taken_), pcm_.begin() + static_cast<int64_t>(taken_ + n));
    taken_ += n;
    in_codec_ += n_frames;
    // Drop what is used once it outweighs the rest: each sample moves a bounded number of times.
    if (taken_ > pcm_.size() / 2) {
        pcm_.erase(pcm_.begin(), pcm_.begin() + static_cast<int64_t>(taken_));
        taken_ = 0;
    }
}

void session::put_codes(const int32_t * codes, int64_t n_frames) {
    const guard   hold(lock_);
    const int64_t n_computed = model_.config.codec.num_quantizers;
    const int64_t n_used     = model_.config.decoder.num_codebooks;
    codes_.erase(codes_.begin(), codes_.begin() + static_cast<int64_t>(used_));
    used_ = 0;
    in_codec_ -= n_frames;
    for (int64_t i = 0; i < n_frames; i++) {
        codes_.insert(codes_.end(), codes + i * n_computed, codes + i * n_computed + n_used);
    }
}

bool session::can_step_locked() const {
    if (finished_) {
        return false;
    }
    // Step 0 has no frame of its own; it waits for the first so that an idle session costs nothing.
    return used_ < codes_.size();
}

bool session::can_step() const {
    const guard hold(lock_);
    return can_step_locked();
}

void session::next_ids(std::vector<int32_t> & ids) const {
    const guard            hold(lock_);
    const decoder_config & config = model_.config.decoder;
    ids.push_back(previous_);
    if (step_ == 0) {
        ids.insert(ids.end(), static_cast<size_t>(config.num_codebooks), config.audio_bos_token_id);
    } else {
        KSTT_CHECK(used_ + static_cast<size_t>(config.num_codebooks) <= codes_.size());
        const auto from = codes_.begin() + static_cast<int64_t>(used_);
        ids.insert(ids.end(), from, from + config.num_codebooks);
    }
}

void session::put_logits(const float * logits) {
    const guard            hold(lock_);
    const decoder_config & config = model_.config.decoder;
    // The start token is never an output of the model: its row of the head is padding.
    const picked_token     picked = pick_greedy_with_probability(logits, config.vocab_size - 1);
    if (step_ > 0) {
        used_ += static_cast<size_t>(config.num_codebooks);
    }
    if (options_.emit_tokens) {
        session_event event;
        event.type  = KSTT_EVENT_TOKEN;
        event.token = picked.token;
        event.step  = step_;
        events_.push_back(std::move(event));
    }
    std::vector<word> words;
    words_.push(step_, picked.token, picked.probability, words);
    publish(words);
    previous_ = picked.token;
    step_++;
    finish_if_done();
}

void session::publish(const std::vector<word> & words) {
    for (const word & each : words) {
        session_event event;
        event.type       = KSTT_EVENT_WORD;
        event.step       = step_;
        event.start      = each.start;
        event.end        = each.end;
        event.confidence = each.confidence;
        event.text       = each.text;
        events_.push_back(std::move(event));
    }
}

void session::finish_if_done() {
    if (!ended_ || finished_ || used_ < codes_.size() || in_codec_ > 0 || n_queued_frames_locked() > 0) {
        return;
    }
    std::vector<word> words;
    words_.finish(step_, duration(), words);
    publish(words);
    session_event event;
    event.type  = KSTT_EVENT_END;
    event.step  = step_;
    event.start = event.end = duration();
    events_.push_back(std::move(event));
    finished_ = true;
}

bool session::poll(session_event & out) {
    const guard hold(lock_);
    if (events_.empty()) {
        return false;
    }
    out = std::move(events_.front());
    events_.pop_front();
    return true;
}

}  // namespace kstt
