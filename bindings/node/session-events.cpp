#include "session-events.h"

#include "error-object.h"

#include <cstddef>
#include <cstdint>

namespace kstt_node {

namespace {

[[noreturn]] void refuse(Napi::Env env, const char * what, int32_t value) {
    throw_error(env,
                KSTT_STATUS_INTERNAL,
                std::string("the core sent an event of unknown ") + what + " " + std::to_string(value));
}

void set_word(Napi::Object & object, const char * type, const owned_event & owned) {
    object.Set("type", type);
    object.Set("text", owned.text);
    object.Set("start", owned.event.start);
    object.Set("end", owned.event.end);
    object.Set("confidence", static_cast<double>(owned.event.confidence));
}

void set_turn(Napi::Object & object, const char * type, const kstt_event & event) {
    object.Set("type", type);
    object.Set("time", event.start);
    object.Set("heard", event.end);
    object.Set("probability", static_cast<double>(event.confidence));
    object.Set("source", event.detail == KSTT_SOURCE_HEADS ? "heads" : "tokens");
}

void set_vad(Napi::Env env, Napi::Object & object, const owned_event & owned) {
    object.Set("type", "vad");
    object.Set("step", static_cast<double>(owned.event.step));
    object.Set("heard", owned.event.start);
    Napi::Array values = Napi::Array::New(env, owned.probabilities.size());
    for (size_t i = 0; i < owned.probabilities.size(); ++i) {
        values.Set(static_cast<uint32_t>(i), static_cast<double>(owned.probabilities[i]));
    }
    object.Set("probabilities", values);
    object.Set("buffered", static_cast<double>(owned.event.buffered));
}

const char * refresh_reason(Napi::Env env, int32_t detail) {
    switch (detail) {
    case KSTT_REFRESH_PAUSE:
        return "pause";
    case KSTT_REFRESH_LIMIT:
        return "limit";
    case KSTT_REFRESH_STALL:
        return "stall";
    default:
        refuse(env, "refresh reason", detail);
    }
}

const char * warning_code(Napi::Env env, int32_t detail) {
    switch (detail) {
    case KSTT_WARNING_PROMPT_CUT:
        return "prompt-cut";
    default:
        refuse(env, "warning", detail);
    }
}

}  // namespace

owned_event own_event(const kstt_event & event) {
    owned_event owned;
    owned.event = event;
    if (event.text != nullptr) {
        owned.text.assign(event.text, event.text_size);
    }
    owned.probabilities.assign(event.probabilities, event.probabilities + event.n_probabilities);
    return owned;
}

Napi::Object from_event(Napi::Env env, const owned_event & owned) {
    const kstt_event & event  = owned.event;
    Napi::Object       object = Napi::Object::New(env);
    switch (event.type) {
    case KSTT_EVENT_WORD:
        set_word(object, "word", owned);
        break;
    case KSTT_EVENT_PARTIAL:
        set_word(object, "partial", owned);
        break;
    case KSTT_EVENT_TOKEN:
        object.Set("type", "token");
        object.Set("token", event.token);
        object.Set("step", static_cast<double>(event.step));
        break;
    case KSTT_EVENT_SPEECH:
        set_turn(object, "speech", event);
        break;
    case KSTT_EVENT_PAUSE:
        set_turn(object, "pause", event);
        break;
    case KSTT_EVENT_VAD:
        set_vad(env, object, owned);
        break;
    case KSTT_EVENT_FLUSHED:
        object.Set("type", "flushed");
        object.Set("time", event.start);
        break;
    case KSTT_EVENT_REFRESH:
        object.Set("type", "refresh");
        object.Set("time", event.start);
        object.Set("reason", refresh_reason(env, event.detail));
        break;
    case KSTT_EVENT_WARNING:
        object.Set("type", "warning");
        object.Set("code", warning_code(env, event.detail));
        object.Set("message", owned.text);
        break;
    case KSTT_EVENT_MOSHI_WORD:
        object.Set("type", "moshiWord");
        object.Set("text", owned.text);
        object.Set("start", event.start);
        break;
    case KSTT_EVENT_MOSHI_END_WORD:
        object.Set("type", "moshiEndWord");
        object.Set("stop", event.start);
        break;
    case KSTT_EVENT_END:
        object.Set("type", "end");
        object.Set("duration", event.end);
        break;
    default:
        refuse(env, "type", event.type);
    }
    return object;
}

}  // namespace kstt_node
