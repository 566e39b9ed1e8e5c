#include "engine-object.h"

#include "async-call.h"
#include "cache-object.h"
#include "codec-stream-object.h"
#include "conversions.h"
#include "decoding-object.h"
#include "encoding-object.h"
#include "environment-data.h"
#include "error-object.h"
#include "forward-object.h"
#include "generation-object.h"
#include "native-handle.h"
#include "session-object.h"
#include "wrapped-object.h"

#include <string>
#include <utility>

namespace kstt_node {

namespace {

struct made_engine {
    std::shared_ptr<kstt_engine> engine;
    kstt_engine_info             info = {};
};

constexpr const char * what = "engine";

}  // namespace

Napi::Function engine_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Engine",
                       {
                           InstanceMethod("prefault", &engine_object::prefault),
                           InstanceMethod("stats", &engine_object::stats),
                           InstanceMethod("resetStats", &engine_object::reset_stats),
                           InstanceMethod("createGeneration", &engine_object::create_generation),
                           InstanceMethod("createEncoding", &engine_object::create_encoding),
                           InstanceMethod("createDecoding", &engine_object::create_decoding),
                           InstanceMethod("createCodecStream", &engine_object::create_codec_stream),
                           InstanceMethod("createCache", &engine_object::create_cache),
                           InstanceMethod("createForward", &engine_object::create_forward),
                           InstanceMethod("createSession", &engine_object::create_session),
                           InstanceMethod("restoreSession", &engine_object::restore_session),
                           InstanceMethod("step", &engine_object::step),
                           InstanceMethod("dispose", &engine_object::dispose),
                       });
}

Napi::Value engine_object::create(const Napi::CallbackInfo & info) {
    std::string        path    = to_text(info[0], "path");
    const Napi::Object options = to_object(info[1], "options");
    kstt_engine_params params  = kstt_engine_default_params();
    params.n_threads           = to_int32(options.Get("threads"), "threads");
    params.n_slots             = to_int32(options.Get("slots"), "slots");
    read_source_options(options, params);
    return call_async<made_engine>(
        info.Env(),
        "kstt.createEngine",
        [path = std::move(path), params](made_engine & made, kstt_error * error) {
            kstt_engine *     handle = nullptr;
            const kstt_status status = kstt_engine_create(path.c_str(), &params, &handle, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            made.engine = own_handle<kstt_engine_free>(handle);
            return kstt_engine_get_info(handle, &made.info, error);
        },
        [](Napi::Env env, made_engine & made) { return wrap_made(environment_data::of(env).engine, made); });
}

engine_object::engine_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<engine_object>(info) {
    const auto & made = made_from<made_engine>(info);
    info.This().As<Napi::Object>().DefineProperty(
        Napi::PropertyDescriptor::Value("info", from_info(info.Env(), made.info), napi_enumerable));
    engine_       = made.engine;
    sample_rate_  = made.info.sample_rate;
    n_quantizers_ = made.info.n_quantizers;
    // Mapped weights count too: they are what makes a forgotten engine worth collecting.
    bytes_.add(info.Env(), made.info.weight_bytes + made.info.state_bytes);
}

void engine_object::Finalize(Napi::BasicEnv env) {
    bytes_.release(env);
}

Napi::Value engine_object::prefault(const Napi::CallbackInfo & info) {
    auto          engine    = open_handle(info, engine_, what);
    const int64_t max_bytes = to_int64(info[0], "maxBytes");
    return call_async<kstt_progress>(
        info.Env(),
        "kstt.prefault",
        [engine, max_bytes](kstt_progress & progress, kstt_error * error) {
            return kstt_engine_prefault(engine.get(), max_bytes, &progress, error);
        },
        from_progress);
}

Napi::Value engine_object::stats(const Napi::CallbackInfo & info) {
    kstt_engine_stats stats  = {};
    kstt_error        error  = {};
    const kstt_status status = kstt_engine_get_stats(open_handle(info, engine_, what).get(), &stats, &error);
    throw_if_failed(info.Env(), status, error);
    return from_stats(info.Env(), stats);
}

void engine_object::reset_stats(const Napi::CallbackInfo & info) {
    kstt_error        error  = {};
    const kstt_status status = kstt_engine_reset_stats(open_handle(info, engine_, what).get(), &error);
    throw_if_failed(info.Env(), status, error);
}

Napi::Value engine_object::create_generation(const Napi::CallbackInfo & info) {
    return create_generation_object(info, open_handle(info, engine_, what));
}

Napi::Value engine_object::create_encoding(const Napi::CallbackInfo & info) {
    return create_encoding_object(info, open_handle(info, engine_, what), n_quantizers_);
}

Napi::Value engine_object::create_decoding(const Napi::CallbackInfo & info) {
    return create_decoding_object(info, open_handle(info, engine_, what));
}

Napi::Value engine_object::create_codec_stream(const Napi::CallbackInfo & info) {
    return create_codec_stream_object(info, open_handle(info, engine_, what));
}

Napi::Value engine_object::create_cache(const Napi::CallbackInfo & info) {
    return create_cache_object(info, open_handle(info, engine_, what));
}

Napi::Value engine_object::create_forward(const Napi::CallbackInfo & info) {
    return create_forward_object(info, open_handle(info, engine_, what));
}

Napi::Value engine_object::create_session(const Napi::CallbackInfo & info) {
    return create_session_object(info, open_handle(info, engine_, what), sample_rate_);
}

Napi::Value engine_object::restore_session(const Napi::CallbackInfo & info) {
    return restore_session_object(info, open_handle(info, engine_, what), sample_rate_);
}

Napi::Value engine_object::step(const Napi::CallbackInfo & info) {
    auto          engine    = open_handle(info, engine_, what);
    const int32_t max_steps = to_int32(info[0], "maxSteps");
    return call_async<int64_t>(
        info.Env(),
        "kstt.step",
        [engine, max_steps](int64_t & n_stepped, kstt_error * error) {
            return kstt_engine_step(engine.get(), max_steps, &n_stepped, error);
        },
        [](Napi::Env env, int64_t & n_stepped) { return Napi::Number::New(env, static_cast<double>(n_stepped)); });
}

Napi::Value engine_object::dispose(const Napi::CallbackInfo & info) {
    bytes_.release(info.Env());
    return release_async(info.Env(), std::exchange(engine_, nullptr));
}

}  // namespace kstt_node
