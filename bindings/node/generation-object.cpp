#include "generation-object.h"

#include "advance-call.h"
#include "async-call.h"
#include "cache-object.h"
#include "conversions.h"
#include "environment-data.h"
#include "error-object.h"
#include "generation-rules.h"
#include "typed-arrays.h"
#include "wrapped-object.h"

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

using shared_generation = std::shared_ptr<guarded_handle<kstt_generation>>;

struct made_generation {
    shared_generation            generation;
    std::shared_ptr<kstt_engine> engine;
    int64_t                      input_bytes = 0;
};

constexpr const char * what = "generation";

// Makes a call that gives nothing.
template <typename Call>
Napi::Value change(Napi::Env env, const char * name, shared_generation generation, Call call) {
    return call_async<no_result>(
        env,
        name,
        [generation = std::move(generation), call = std::move(call)](no_result &, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(generation->mutex);
            return call(generation->handle.get(), error);
        },
        [](Napi::Env js, no_result &) { return js.Undefined(); });
}

}  // namespace

Napi::Value create_generation_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine) {
    sample_rows            rows    = to_rows(info[0], info[1], info[2]);
    const Napi::Object     options = to_object(info[3], "params");
    kstt_generation_params params  = kstt_generation_default_params();
    params.max_new_tokens          = to_int32(options.Get("maxNewTokens"), "maxNewTokens");
    params.audio_window_size       = to_int32(options.Get("audioWindowSize"), "audioWindowSize");
    return call_async<made_generation>(
        info.Env(),
        "kstt.createGeneration",
        [engine = std::move(engine), rows = std::move(rows), params, rules = generation_rules(options.Get("rules"))](
            made_generation & made, kstt_error * error) {
            const kstt_generation_rules view   = rules.view();
            kstt_generation *           handle = nullptr;
            const kstt_status           status = kstt_generation_create_with_rules(
                engine.get(), rows.values.data(), rows.n_rows, rows.n_samples, &params, &view, &handle, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            made.generation =
                std::make_shared<guarded_handle<kstt_generation>>(own_handle<kstt_generation_free>(handle, engine));
            made.engine      = engine;
            made.input_bytes = static_cast<int64_t>(rows.values.size() * sizeof(float));
            return status;
        },
        [](Napi::Env env, made_generation & made) { return wrap_made(environment_data::of(env).generation, made); });
}

Napi::Function generation_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Generation",
                       {
                           InstanceMethod("advance", &generation_object::advance),
                           InstanceMethod("tokens", &generation_object::tokens),
                           InstanceMethod("waiting", &generation_object::waiting),
                           InstanceMethod("read", &generation_object::read),
                           InstanceMethod("setScores", &generation_object::set_scores),
                           InstanceMethod("choose", &generation_object::choose),
                           InstanceMethod("finishRows", &generation_object::finish_rows),
                           InstanceMethod("cache", &generation_object::cache),
                           InstanceMethod("dispose", &generation_object::dispose),
                       });
}

generation_object::generation_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<generation_object>(info) {
    const auto & made = made_from<made_generation>(info);
    generation_       = made.generation;
    engine_           = made.engine;
    bytes_.add(info.Env(), made.input_bytes);
}

void generation_object::Finalize(Napi::BasicEnv env) {
    bytes_.release(env);
}

Napi::Value generation_object::advance(const Napi::CallbackInfo & info) {
    auto generation = open_handle(info, generation_, what);
    return advance_async<kstt_generation_advance>(
        info.Env(), "kstt.advanceGeneration", std::move(generation), to_int32(info[0], "maxFrames"));
}

Napi::Value generation_object::tokens(const Napi::CallbackInfo & info) {
    const Napi::Env                    env        = info.Env();
    const auto                         generation = open_handle(info, generation_, what);
    const std::unique_lock<std::mutex> hold(generation->mutex, std::try_to_lock);
    if (!hold.owns_lock()) {
        throw_error(env, KSTT_STATUS_INVALID_STATE, "the generation is not finished; call advance until it is");
    }
    kstt_generation *    handle   = generation->handle.get();
    const auto           n_rows   = static_cast<size_t>(kstt_generation_n_rows(handle));
    const auto           n_tokens = static_cast<size_t>(kstt_generation_n_tokens(handle));
    std::vector<int32_t> tokens(n_rows * n_tokens);
    kstt_error           error  = {};
    const kstt_status    status = kstt_generation_tokens(handle, tokens.data(), tokens.size(), &error);
    throw_if_failed(env, status, error);
    Napi::Array rows = Napi::Array::New(env, n_rows);
    for (size_t row = 0; row < n_rows; ++row) {
        rows.Set(static_cast<uint32_t>(row), from_int32s(env, tokens.data() + row * n_tokens, n_tokens));
    }
    return rows;
}

Napi::Value generation_object::waiting(const Napi::CallbackInfo & info) {
    const auto                         generation = open_handle(info, generation_, what);
    const std::unique_lock<std::mutex> hold(generation->mutex, std::try_to_lock);
    // Whoever holds it is about to change it: there is nothing to wait for yet.
    const bool waits = hold.owns_lock() && kstt_generation_waiting(generation->handle.get()) == 1;
    return Napi::Boolean::New(info.Env(), waits);
}

Napi::Value generation_object::read(const Napi::CallbackInfo & info) {
    auto          generation = open_handle(info, generation_, what);
    const int32_t result     = to_int32(info[0], "what");
    const int32_t index      = to_int32(info[1], "index");
    return call_async<std::vector<float>>(
        info.Env(),
        "kstt.readGeneration",
        [generation, result, index](std::vector<float> & values, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(generation->mutex);
            const kstt_generation *           handle = generation->handle.get();
            size_t                            size   = 0;
            const kstt_status status = kstt_generation_read(handle, result, index, nullptr, 0, &size, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            values.resize(size);
            return kstt_generation_read(handle, result, index, values.data(), size, &size, error);
        },
        [](Napi::Env env, std::vector<float> & values) { return from_floats(env, values); });
}

Napi::Value generation_object::set_scores(const Napi::CallbackInfo & info) {
    return change(info.Env(),
                  "kstt.setScores",
                  open_handle(info, generation_, what),
                  [scores = copy_floats(info[0], "scores")](kstt_generation * handle, kstt_error * error) {
                      return kstt_generation_set_scores(handle, scores.data(), scores.size(), error);
                  });
}

Napi::Value generation_object::choose(const Napi::CallbackInfo & info) {
    auto generation = open_handle(info, generation_, what);
    return call_async<std::vector<int32_t>>(
        info.Env(),
        "kstt.chooseTokens",
        [generation](std::vector<int32_t> & tokens, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(generation->mutex);
            kstt_generation *                 handle = generation->handle.get();
            tokens.resize(static_cast<size_t>(kstt_generation_n_rows(handle)));
            return kstt_generation_choose(handle, tokens.data(), tokens.size(), error);
        },
        [](Napi::Env env, std::vector<int32_t> & tokens) { return from_int32s(env, tokens.data(), tokens.size()); });
}

Napi::Value generation_object::finish_rows(const Napi::CallbackInfo & info) {
    return change(info.Env(),
                  "kstt.finishRows",
                  open_handle(info, generation_, what),
                  [rows = copy_uint8s(info[0], "rows")](kstt_generation * handle, kstt_error * error) {
                      return kstt_generation_finish_rows(handle, rows.data(), rows.size(), error);
                  });
}

Napi::Value generation_object::cache(const Napi::CallbackInfo & info) {
    auto generation = open_handle(info, generation_, what);
    return make_cache_object(info.Env(), engine_, [generation](kstt_cache ** out, kstt_error * error) {
        const std::lock_guard<std::mutex> hold(generation->mutex);
        return kstt_generation_cache(generation->handle.get(), out, error);
    });
}

Napi::Value generation_object::dispose(const Napi::CallbackInfo & info) {
    bytes_.release(info.Env());
    engine_ = nullptr;
    return release_async(info.Env(), std::exchange(generation_, nullptr));
}

}  // namespace kstt_node
