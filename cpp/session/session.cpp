#include "session/session.h"

#include "runtime/error.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

using guard = std::lock_guard<std::mutex>;

// Silence between an audio prompt and the audio (spec 8: 10 frames); words from its middle on are the audio's.
constexpr int64_t separator_frames = 10;

// Silence around a text prompt without audio: a step on which the model settles, and some that keep it apart.
constexpr int64_t lead_in_frames = 4;

double frame_rate(const stt_model & model) {
    return static_cast<double>(model.config.codec.sampling_rate) / model.config.codec.frame_size();
}

int64_t delay_frames(const stt_model & model) {
    return static_cast<int64_t>(std::ceil(model.config.audio_delay_seconds * frame_rate(model)));
}

intake_options intake_of(const stt_model & model, const session_options & options) {
    // transformers' feature extractor appends the same: the delay, and a second for the last word's pieces.
    const double   tail = options.tail_seconds < 0.0 ? model.config.audio_delay_seconds + 1.0 : options.tail_seconds;
    intake_options intake;
    intake.sample_rate  = model.config.codec.sampling_rate;
    intake.frame_size   = model.config.codec.frame_size();
    intake.flush_frames = delay_frames(model) + 1;
    intake.tail_samples = static_cast<int64_t>(tail * model.config.codec.sampling_rate);
    return intake;
}

// A file that fits into the window needs no renewal at all.
refresh_options refresh_of(const stt_model & model, const session_options & options) {
    refresh_options refresh = options.refresh;
    if (refresh.pause_steps == 0 && options.priority == session_priority::file) {
        refresh.pause_steps = model.config.decoder.sliding_window;
    }
    return refresh;
}

}  // namespace

session::session(const stt_model & model, const session_options & options, int32_t slot)
    : model_(model), options_(options), slot_(slot),
      line_(model.config.codec.sampling_rate, model.config.codec.frame_size(), model.config.audio_delay_seconds),
      intake_(intake_of(model, options), line_),
      constraint_(options.constraint, model.config.decoder.vocab_size - 1, 0, model.config.decoder.pad_token_id),
      words_(model, options_, line_, sounds_), levels_(frame_rate(model), delay_frames(model)),
      turns_(options.turn, frame_rate(model), model.config.audio_delay_seconds),
      refresh_(refresh_of(model, options),
               model.config.decoder.sliding_window,
               model.config.decoder.num_codebooks,
               frame_rate(model),
               model.config.audio_delay_seconds,
               model.config.decoder.pad_token_id) {
    refresh_.set_start(model.config.decoder.vocab_size - 1, model.config.decoder.audio_bos_token_id);
    clear();
}

void session::clear() {
    line_.clear();
    intake_.clear();
    heard_.clear();
    codes_.clear();
    events_.clear();
    forced_.clear();
    used_ = 0;
    step_ = n_pads_ = n_extended_ = n_again_ = prompt_end_ = 0;
    finished_ = is_stuck_ = false;
    // The last row of the text table is the start token; transformers' bos_token_id may name another (spec 5.4 a).
    previous_             = model_.config.decoder.vocab_size - 1;
    constraint_.reset();
    sounds_.reset();
    words_.reset();
    levels_.reset();
    turns_.reset();
    refresh_.reset();
    const double prefix =
        options_.prefix_seconds < 0.0 ? model_.config.audio_silence_prefix_seconds : options_.prefix_seconds;
    const auto n_prefix = static_cast<int64_t>(prefix * model_.config.codec.sampling_rate);
    intake_.put_in(nullptr, static_cast<size_t>(n_prefix));
    put_prompt_in();
}

void session::put_prompt_in() {
    const int64_t                frame_size = model_.config.codec.frame_size();
    const std::vector<int32_t> & text       = options_.constraint.prompt;
    if (!options_.prompt_pcm.empty()) {
        const auto n = static_cast<int64_t>(options_.prompt_pcm.size());
        intake_.put_in(options_.prompt_pcm.data(), options_.prompt_pcm.size());
        intake_.put_in(nullptr, static_cast<size_t>((n + frame_size - 1) / frame_size * frame_size - n));
        intake_.put_in(nullptr, static_cast<size_t>(separator_frames * frame_size));
        prompt_end_ = intake_.n_queued_samples() - separator_frames / 2 * frame_size;
    } else if (!text.empty()) {
        // Without audio to hear the text in, it is put into the model's mouth during silence: spec 8's rule would
        // make it speak the text over the first words of the audio.
        for (const int32_t token : text) {
            if (model_.pieces.starts_word(token)) {
                forced_.push_back(0);
            }
            forced_.push_back(token);
        }
        const auto n = static_cast<int64_t>(forced_.size());
        intake_.put_in(nullptr, static_cast<size_t>((n + lead_in_frames) * frame_size));
        prompt_end_ = (n + lead_in_frames / 2) * frame_size;
        constraint_.drop_prompt();
    }
    words_.mute_before(prompt_end_);
}

int64_t session::push_pcm(const float * pcm, size_t n, int32_t sample_rate) {
    const guard     hold(lock_);
    const stopwatch watch;
    intake_.push(pcm, n, sample_rate);
    return watch.elapsed_ns();
}

void session::flush() {
    const guard hold(lock_);
    intake_.flush();
    pass_marks();
    deliver();
}

void session::end() {
    const guard hold(lock_);
    intake_.end();
    pass_marks();
    deliver();
}

void session::reset() {
    const guard hold(lock_);
    clear();
}

int64_t session::n_queued_frames() const {
    const guard hold(lock_);
    return finished_ ? 0 : intake_.n_frames();
}

int64_t session::n_ready() const {
    const guard hold(lock_);
    if (finished_) {
        return 0;
    }
    return intake_.n_frames() + static_cast<int64_t>(codes_.size() - used_) / model_.config.decoder.num_codebooks +
           (refresh_.n_replay_left() + columns_per_call - 1) / columns_per_call;
}

void session::take_pcm(int64_t n_frames, std::vector<float> & out) {
    const guard   hold(lock_);
    const int64_t frame_size = model_.config.codec.frame_size();
    const int64_t first      = intake_.n_taken();
    intake_.take(n_frames, out);
    for (int64_t i = 0; i < n_frames; i++) {
        heard_.push_back({ level_of(out.data() + i * frame_size, frame_size), line_.is_audio(first + i) });
    }
}

void session::put_codes(const int32_t * codes, int64_t n_frames) {
    const guard   hold(lock_);
    const int64_t n_computed = model_.config.codec.num_quantizers;
    const int64_t n_used     = model_.config.decoder.num_codebooks;
    codes_.erase(codes_.begin(), codes_.begin() + static_cast<int64_t>(used_));
    used_ = 0;
    for (int64_t i = 0; i < n_frames; i++) {
        codes_.insert(codes_.end(), codes + i * n_computed, codes + i * n_computed + n_used);
    }
}

bool session::can_step_locked() const {
    // Step 0 has no frame of its own; it waits for the first so that an idle session costs nothing.
    return !finished_ && (refresh_.is_replaying() || used_ < codes_.size());
}

bool session::can_step() const {
    const guard hold(lock_);
    return can_step_locked();
}

void session::deliver() {
    for (session_event & event : fresh_) {
        events_.push_back(std::move(event));
    }
    fresh_.clear();
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

void session::get_stuck(const std::vector<int32_t> & tokens) {
    const guard hold(lock_);
    forced_.assign(tokens.begin(), tokens.end());
    is_stuck_ = true;
}

}  // namespace kstt
