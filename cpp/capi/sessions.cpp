// The C ABI: sessions.
#include "capi/handles.h"
#include "include/kstt.h"

#include <cmath>
#include <limits>
#include <utility>

using namespace kstt;

namespace {

// The resampler and the queues count in 64 bits; a call beyond this is a mistake of the caller's.
constexpr size_t max_samples = size_t{ 1 } << 31U;

constexpr double max_silence_seconds = 60.0;

std::vector<int32_t> ids_of(const int32_t * ids, size_t n, const char * message) {
    require(ids != nullptr || n == 0, message);
    return { ids, ids + n };
}

bool is_share(double value) {
    return value >= 0.0 && value <= 1.0;
}

turn_options turns_of(const kstt_session_params & params) {
    require(params.turn_head >= 0 && params.turn_head <= 3, "turn_head must be 0 to 3");
    require(is_share(params.turn_pause_threshold) && is_share(params.turn_speech_threshold) &&
                params.turn_speech_threshold <= params.turn_pause_threshold,
            "turn_speech_threshold and turn_pause_threshold must be 0 to 1, the first not above the second");
    require(params.turn_smoothing_seconds >= 0.0 && params.turn_smoothing_seconds <= 10.0,
            "turn_smoothing_seconds must be 0 to 10");
    require(params.turn_pause_seconds > 0.0 && params.turn_pause_seconds <= 60.0,
            "turn_pause_seconds must be above 0 and at most 60");
    turn_options turns;
    turns.enabled           = params.detect_turns != 0;
    turns.head              = params.turn_head;
    turns.pause_threshold   = params.turn_pause_threshold;
    turns.speech_threshold  = params.turn_speech_threshold;
    turns.smoothing_seconds = params.turn_smoothing_seconds;
    turns.pause_seconds     = params.turn_pause_seconds;
    return turns;
}

refresh_options refreshes_of(const kstt_session_params & params) {
    require(params.refresh_pause_steps >= 0 && params.refresh_limit_steps >= 0 && params.refresh_replay_steps >= 0,
            "refresh_pause_steps, refresh_limit_steps and refresh_replay_steps must not be negative");
    return { params.refresh != 0, params.refresh_pause_steps, params.refresh_limit_steps, params.refresh_replay_steps };
}

std::vector<float> prompt_of(const kstt_session_params & params, int32_t model_rate) {
    require(params.prompt_pcm != nullptr || params.n_prompt_samples == 0, "prompt_pcm must not be NULL");
    if (params.n_prompt_samples == 0) {
        return {};
    }
    require(static_cast<double>(params.n_prompt_samples) <= max_silence_seconds * params.prompt_rate,
            "an audio prompt must be at most 60 seconds long");
    for (size_t i = 0; i < params.n_prompt_samples; i++) {
        if (!std::isfinite(params.prompt_pcm[i])) {
            throw error(KSTT_STATUS_INVALID_AUDIO, format("sample %zu of prompt_pcm is not a finite number", i));
        }
    }
    resampler          to_model(params.prompt_rate, model_rate);
    std::vector<float> pcm;
    to_model.push(params.prompt_pcm, params.n_prompt_samples, pcm);
    to_model.flush(pcm);
    return pcm;
}

session_options options_of(const kstt_session_params & params, const engine & owner) {
    require(params.prefix_seconds <= max_silence_seconds && params.tail_seconds <= max_silence_seconds,
            "prefix_seconds and tail_seconds must be at most 60");
    require(params.priority == KSTT_PRIORITY_LIVE || params.priority == KSTT_PRIORITY_FILE,
            "priority must be one of KSTT_PRIORITY_*");
    require(params.times == KSTT_TIMES_ENGINE || params.times == KSTT_TIMES_MOSHI_SERVER,
            "times must be one of KSTT_TIMES_*");
    session_options options;
    options.prefix_seconds    = params.prefix_seconds;
    options.tail_seconds      = params.tail_seconds;
    options.emit_tokens       = params.emit_tokens != 0;
    options.emit_vad          = params.emit_vad != 0;
    options.partials          = params.emit_partials != 0;
    options.priority          = params.priority == KSTT_PRIORITY_FILE ? session_priority::file : session_priority::live;
    options.moshi_server      = params.times == KSTT_TIMES_MOSHI_SERVER;
    options.moshi_delay_steps = params.moshi_delay_steps;
    options.turn              = turns_of(params);
    options.refresh           = refreshes_of(params);
    options.constraint.banned = ids_of(params.banned_tokens, params.n_banned_tokens, "banned_tokens must not be NULL");
    options.constraint.allowed =
        ids_of(params.allowed_tokens, params.n_allowed_tokens, "allowed_tokens must not be NULL");
    options.constraint.prompt = ids_of(params.prompt_tokens, params.n_prompt_tokens, "prompt_tokens must not be NULL");
    options.prompt_pcm        = prompt_of(params, owner.model().config.codec.sampling_rate);
    return options;
}

}  // namespace

kstt_session_params kstt_session_default_params(void) {
    const turn_options  turns;
    kstt_session_params params    = {};
    params.prefix_seconds         = -1.0;
    params.tail_seconds           = -1.0;
    params.moshi_delay_steps      = -1;
    params.turn_head              = turns.head;
    params.turn_pause_threshold   = turns.pause_threshold;
    params.turn_speech_threshold  = turns.speech_threshold;
    params.turn_smoothing_seconds = turns.smoothing_seconds;
    params.turn_pause_seconds     = turns.pause_seconds;
    params.refresh                = 1;
    return params;
}

kstt_status kstt_session_create(kstt_engine *               handle,
                                const kstt_session_params * params,
                                kstt_session **             out,
                                kstt_error *                err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        const session_options options = options_of(params != nullptr ? *params : kstt_session_default_params(), *owner);
        return make_child<kstt_session>(owner, owner->create_session(options));
    });
}

kstt_status kstt_session_push_pcm(
    kstt_session * handle, const float * pcm, size_t n, int32_t sample_rate, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(pcm != nullptr || n == 0, "pcm must not be NULL");
        require(n < max_samples, "one call takes fewer than 2^31 samples; cut the audio into several");
        owner->push_pcm(*handle->object, pcm, n, sample_rate);
    });
}

kstt_status kstt_session_flush(kstt_session * handle, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        handle->object->flush();
    });
}

kstt_status kstt_session_end(kstt_session * handle, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        handle->object->end();
    });
}

kstt_status kstt_session_reset(kstt_session * handle, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        owner->reset_session(handle->object);
    });
}

int64_t kstt_session_n_ready(const kstt_session * handle) {
    return handle != nullptr && !handle->engine.expired() ? handle->object->n_ready() : 0;
}

int32_t kstt_session_poll(kstt_session * handle, kstt_event * out) {
    if (handle == nullptr || out == nullptr || handle->engine.expired() || !handle->object->poll(handle->event)) {
        return 0;
    }
    const session_event & event = handle->event;
    *out                        = {};
    out->type                   = event.type;
    out->token                  = event.token;
    out->step                   = event.step;
    out->start                  = event.start;
    out->end                    = event.end;
    out->confidence             = event.confidence;
    out->text_size              = static_cast<uint32_t>(event.text.size());
    out->text                   = event.text.c_str();
    out->probabilities          = event.probabilities.data();
    out->n_probabilities        = static_cast<int32_t>(event.probabilities.size());
    out->detail                 = event.detail;
    out->buffered               = event.buffered;
    return 1;
}

void kstt_session_free(kstt_session * handle) {
    if (handle == nullptr) {
        return;
    }
    if (const std::shared_ptr<engine> owner = handle->engine.lock()) {
        owner->remove_session(handle->object);
    }
    delete handle;
}

kstt_status kstt_session_snapshot(kstt_session * handle, const uint8_t ** bytes, size_t * n, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(bytes != nullptr && n != nullptr, "bytes and n must not be NULL");
        handle->snapshot = owner->save_session(handle->object);
        *bytes           = handle->snapshot.data();
        *n               = handle->snapshot.size();
    });
}

kstt_status kstt_session_restore(
    kstt_engine * handle, const uint8_t * bytes, size_t n, kstt_session ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(bytes != nullptr || n == 0, "bytes must not be NULL");
        return make_child<kstt_session>(owner, owner->restore_session(bytes, n));
    });
}
