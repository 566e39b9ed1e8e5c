#include "session-params.h"

#include "conversions.h"
#include "error-object.h"

#include <string>

namespace kstt_node {

namespace {

std::vector<int32_t> to_ids(const Napi::Value & value, const char * name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be an Int32Array");
    }
    const auto array = value.As<Napi::Int32Array>();
    return { array.Data(), array.Data() + array.ElementLength() };
}

// The index of the text among two choices.
int32_t to_choice(const Napi::Value & value, const char * name, const char * first, const char * second) {
    const std::string text = to_text(value, name);
    if (text != first && text != second) {
        throw_error(value.Env(),
                    KSTT_STATUS_INVALID_ARGUMENT,
                    std::string(name) + " must be \"" + first + "\" or \"" + second + "\"");
    }
    return text == first ? 0 : 1;
}

}  // namespace

kstt_session_params owned_session_params::view() const {
    kstt_session_params params = values;
    params.prompt_tokens       = prompt_tokens.data();
    params.n_prompt_tokens     = prompt_tokens.size();
    params.prompt_pcm          = prompt_pcm.data();
    params.n_prompt_samples    = prompt_pcm.size();
    params.banned_tokens       = banned_tokens.data();
    params.n_banned_tokens     = banned_tokens.size();
    params.allowed_tokens      = allowed_tokens.data();
    params.n_allowed_tokens    = allowed_tokens.size();
    return params;
}

owned_session_params to_session_params(const Napi::Value & value) {
    const Napi::Object    object = to_object(value, "params");
    owned_session_params  owned;
    kstt_session_params & params = owned.values;
    params                       = kstt_session_default_params();
    params.prefix_seconds        = to_finite(object.Get("prefixSeconds"), "prefixSeconds");
    params.tail_seconds          = to_finite(object.Get("tailSeconds"), "tailSeconds");
    params.priority              = to_choice(object.Get("priority"), "priority", "live", "file");
    params.emit_tokens           = to_flag(object, "emitTokens");
    params.emit_vad              = to_flag(object, "emitVad");
    params.emit_partials         = to_flag(object, "emitPartials");
    params.times                 = to_choice(object.Get("times"), "times", "engine", "moshi_server");
    params.moshi_delay_steps     = to_int32(object.Get("moshiDelaySteps"), "moshiDelaySteps");
    params.detect_turns          = object.Get("turn").IsNull() ? 0 : 1;
    if (params.detect_turns != 0) {
        const Napi::Object turn       = to_object(object.Get("turn"), "turn");
        params.turn_head              = to_int32(turn.Get("head"), "head");
        params.turn_pause_threshold   = to_finite(turn.Get("pauseThreshold"), "pauseThreshold");
        params.turn_speech_threshold  = to_finite(turn.Get("speechThreshold"), "speechThreshold");
        params.turn_smoothing_seconds = to_finite(turn.Get("smoothingSeconds"), "smoothingSeconds");
        params.turn_pause_seconds     = to_finite(turn.Get("pauseSeconds"), "pauseSeconds");
    }
    params.refresh = object.Get("refresh").IsNull() ? 0 : 1;
    if (params.refresh != 0) {
        const Napi::Object refresh  = to_object(object.Get("refresh"), "refresh");
        params.refresh_pause_steps  = to_int32(refresh.Get("pauseSteps"), "pauseSteps");
        params.refresh_limit_steps  = to_int32(refresh.Get("limitSteps"), "limitSteps");
        params.refresh_replay_steps = to_int32(refresh.Get("replaySteps"), "replaySteps");
    }
    if (!object.Get("prompt").IsNull()) {
        const Napi::Object prompt = to_object(object.Get("prompt"), "prompt");
        owned.prompt_tokens       = to_ids(prompt.Get("tokens"), "tokens");
        owned.prompt_pcm          = copy_samples(value.Env(), to_samples(prompt.Get("pcm"), "pcm"));
        params.prompt_rate        = to_int32(prompt.Get("rate"), "rate");
    }
    owned.banned_tokens  = to_ids(object.Get("bannedTokens"), "bannedTokens");
    owned.allowed_tokens = to_ids(object.Get("allowedTokens"), "allowedTokens");
    return owned;
}

}  // namespace kstt_node
