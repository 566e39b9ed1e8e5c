// A session's part in a step of the decoder: the ids it gives, and what it makes of the logits.
#include "runtime/error.h"
#include "session/session.h"

#include <algorithm>
#include <cmath>

namespace kstt {

namespace {

using guard = std::lock_guard<std::mutex>;

// A flush goes on until the model has said nothing for this many steps, at most a second beyond the delay.
constexpr int64_t flush_pads         = 2;
constexpr double  max_extend_seconds = 1.0;

}  // namespace

int64_t session::n_steps_with_codes() const {
    const auto n_frames = static_cast<int64_t>(codes_.size() - used_) / model_.config.decoder.num_codebooks;
    return step_ == 0 ? 1 + n_frames : n_frames;
}

session::decoder_work session::next_work(std::vector<int32_t> & ids, bool may_draft) const {
    const guard            hold(lock_);
    const decoder_config & config = model_.config.decoder;
    if (refresh_.is_replaying()) {
        return { refresh_.replay_ids(columns_per_call, ids), true, refresh_.is_at_start() };
    }
    KSTT_CHECK(n_steps_with_codes() > 0);
    int64_t n_columns = 1;
    if (may_draft && constraint_.is_open() && forced_.empty()) {
        n_columns = std::min(draft_.next(previous_ == config.pad_token_id), n_steps_with_codes());
    }
    for (int64_t column = 0; column < n_columns; column++) {
        ids.push_back(column == 0 ? previous_ : config.pad_token_id);
        if (step_ + column == 0) {
            ids.insert(ids.end(), static_cast<size_t>(config.num_codebooks), config.audio_bos_token_id);
        } else {
            const int64_t frame = step_ == 0 ? column - 1 : column;
            const auto    from  = codes_.begin() + static_cast<int64_t>(used_) + frame * config.num_codebooks;
            ids.insert(ids.end(), from, from + config.num_codebooks);
        }
    }
    return { n_columns, false, false };
}

void session::put_draft(int64_t n_computed, int64_t n_kept) {
    const guard hold(lock_);
    draft_.took(n_computed, n_kept);
}

void session::put_replay(int64_t n_columns) {
    const guard hold(lock_);
    refresh_.replayed(n_columns);
}

picked_token session::pick(const step_logits & logits) {
    if (step_ > 0 && !forced_.empty()) {
        const int32_t token = forced_.front();
        forced_.pop_front();
        return { token, 1.0F };
    }
    // The start token is never an output of the model: its row of the head is padding.
    const int64_t      n      = model_.config.decoder.vocab_size - 1;
    const picked_token picked = constraint_.is_open() ? logits.choice() : pick_allowed(logits.values(), n, constraint_);
    constraint_.took(picked.token);
    return picked;
}

// The loudness of the frame that the step consumed.
level_meter::verdict session::hear() {
    // Frames that are decoded again were heard before.
    if (step_ == 0 || n_again_ > 0) {
        return {};
    }
    const heard_frame          frame  = heard_.front();
    const level_meter::verdict result = frame.is_audio ? levels_.push(frame.decibels) : level_meter::verdict{};
    sounds_.push(result.active);
    return result;
}

void session::watch_turn(const picked_token & picked, bool is_active, const float * pauses, int32_t n_pauses) {
    turn_step step;
    step.heard           = line_.time_at(static_cast<double>(step_ * model_.config.codec.frame_size()));
    step.is_audio        = step_ > 0 && n_again_ == 0 && heard_.front().is_audio;
    step.active          = is_active;
    step.pauses          = pauses;
    step.n_pauses        = n_pauses;
    step.is_piece        = words_.is_piece(picked.token);
    step.opens_word      = !std::isnan(words_.opened_at());
    step.word_start      = words_.opened_at();
    step.pad_probability = picked.token == model_.config.decoder.pad_token_id ? picked.probability : 0.0F;
    std::vector<turn_event> events;
    turns_.push(step, events);
    for (const turn_event & each : events) {
        session_event & event = add_event(each.is_pause ? KSTT_EVENT_PAUSE : KSTT_EVENT_SPEECH, each.time, each.heard);
        event.confidence      = each.probability;
        event.detail          = each.from_heads ? KSTT_SOURCE_HEADS : KSTT_SOURCE_TOKENS;
    }
}

session_event & session::add_event(int32_t type, double start, double end) {
    session_event event;
    event.type  = type;
    event.step  = step_;
    event.start = start;
    event.end   = end;
    fresh_.push_back(std::move(event));
    return fresh_.back();
}

void session::put_step(const step_logits & logits, const float * pauses, int32_t n_pauses) {
    const guard                hold(lock_);
    const int64_t              n_codes = model_.config.decoder.num_codebooks;
    const level_meter::verdict level   = hear();
    const picked_token         picked  = pick(logits);
    if (options_.emit_vad && n_pauses > 0) {
        session_event & event = add_event(KSTT_EVENT_VAD, 0.0, 0.0);
        event.start = event.end = line_.time_at(static_cast<double>(step_ * model_.config.codec.frame_size()));
        event.probabilities.assign(pauses, pauses + n_pauses);
        event.buffered = intake_.n_waiting_samples();
    }
    if (options_.emit_tokens) {
        add_event(KSTT_EVENT_TOKEN, 0.0, 0.0).token = picked.token;
    }
    words_.push(step_, picked, fresh_);
    if (words_.is_piece(picked.token)) {
        levels_.learn_speech();
    }
    watch_turn(picked, level.active, pauses, n_pauses);
    n_pads_ = words_.is_text(picked.token) ? 0 : n_pads_ + 1;

    refresh_keeper::taken_step taken;
    taken.step                     = step_;
    taken.codes                    = step_ > 0 ? codes_.data() + used_ : nullptr;
    taken.token                    = picked.token;
    taken.is_text                  = words_.is_text(picked.token);
    taken.speech                   = level.speech;
    // A prompt is never cut by a renewal.
    const bool           in_prompt = line_.sample_of_step(step_) < static_cast<double>(prompt_end_);
    const refresh_reason reason    = in_prompt ? refresh_reason::none : refresh_.push(taken);

    if (step_ > 0) {
        used_ += static_cast<size_t>(n_codes);
        if (n_again_ > 0) {
            n_again_--;
        } else {
            heard_.pop_front();
        }
    }
    previous_ = picked.token;
    step_++;
    if (reason != refresh_reason::none) {
        renew(reason);
    }
    line_.forget_before(step_ - refresh_.capacity() - 64);
    check_prompt();
    pass_marks();
    deliver();
}

void session::renew(refresh_reason reason) {
    const double heard = line_.time_at(static_cast<double>((step_ - 1) * model_.config.codec.frame_size()));
    add_event(KSTT_EVENT_REFRESH, heard, heard).detail = static_cast<int32_t>(reason);
    n_again_ += step_ - refresh_.next_step();
    words_.rewind(refresh_.next_step());
    if (is_stuck_) {
        forced_.clear();
        is_stuck_ = false;
    }
    step_     = refresh_.next_step();
    previous_ = refresh_.token_before();
    codes_.erase(codes_.begin(), codes_.begin() + static_cast<int64_t>(used_));
    used_                              = 0;
    const std::vector<int32_t> & again = refresh_.codes_again();
    codes_.insert(codes_.begin(), again.begin(), again.end());
}

// What is left of a text prompt when its audio is over would be forced upon the audio that follows.
void session::check_prompt() {
    if (constraint_.n_prompt_left() == 0 || line_.sample_of_step(step_) < static_cast<double>(prompt_end_)) {
        return;
    }
    add_event(KSTT_EVENT_WARNING, 0.0, 0.0).detail = KSTT_WARNING_PROMPT_CUT;
    fresh_.back().text =
        format("the model did not say %zu of the %zu tokens of the text prompt during the audio prompt; "
               "they were dropped",
               constraint_.n_prompt_left(),
               options_.constraint.prompt.size());
    constraint_.drop_prompt();
}

// Flushes and the end that are reached.
void session::pass_marks() {
    const auto max_extend = static_cast<int64_t>(std::ceil(max_extend_seconds * line_.steps_per_second()));
    while (!finished_ && intake_.pending() != audio_intake::mark::none &&
           std::max<int64_t>(0, step_ - 1) >= intake_.pending_frame()) {
        const double seconds = intake_.pending_seconds();
        if (intake_.pending() == audio_intake::mark::end) {
            words_.finish(step_, fresh_);
            add_event(KSTT_EVENT_END, seconds, seconds);
            finished_ = true;
            return;
        }
        if (step_ > 0 && n_pads_ < flush_pads && n_extended_ < max_extend) {
            intake_.extend();
            n_extended_++;
            return;
        }
        words_.finish(step_, fresh_);
        add_event(KSTT_EVENT_FLUSHED, seconds, seconds);
        n_extended_ = 0;
        intake_.pass();
    }
}

}  // namespace kstt
