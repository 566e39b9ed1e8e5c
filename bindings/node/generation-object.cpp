#include "generation-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "error-object.h"
#include "native-handle.h"
#include "wrapped-object.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

struct made_generation {
    std::shared_ptr<kstt_generation> generation;
    int32_t                          n_rows      = 0;
    int64_t                          input_bytes = 0;
};

constexpr const char * what = "generation";

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
        [engine = std::move(engine), rows = std::move(rows), params](made_generation & made, kstt_error * error) {
            kstt_generation * handle = nullptr;
            const kstt_status status = kstt_generation_create(
                engine.get(), rows.values.data(), rows.n_rows, rows.n_samples, &params, &handle, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            made.generation  = own_handle<kstt_generation_free>(handle, engine);
            made.n_rows      = rows.n_rows;
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
                           InstanceMethod("dispose", &generation_object::dispose),
                       });
}

generation_object::generation_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<generation_object>(info) {
    const auto & made = made_from<made_generation>(info);
    generation_       = made.generation;
    n_rows_           = made.n_rows;
    reported_bytes_   = made.input_bytes;
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), reported_bytes_);
}

void generation_object::Finalize(Napi::BasicEnv env) {
    Napi::MemoryManagement::AdjustExternalMemory(env, -reported_bytes_);
}

Napi::Value generation_object::advance(const Napi::CallbackInfo & info) {
    auto          generation = open_handle(info, generation_, what);
    const int32_t max_frames = to_int32(info[0], "maxFrames");
    return call_async<kstt_progress>(
        info.Env(),
        "kstt.advanceGeneration",
        [generation, max_frames](kstt_progress & progress, kstt_error * error) {
            return kstt_generation_advance(generation.get(), max_frames, &progress, error);
        },
        from_progress);
}

Napi::Value generation_object::tokens(const Napi::CallbackInfo & info) {
    const Napi::Env      env        = info.Env();
    const auto           generation = open_handle(info, generation_, what);
    const auto           n_rows     = static_cast<size_t>(n_rows_);
    const auto           n_tokens   = static_cast<size_t>(kstt_generation_n_tokens(generation.get()));
    std::vector<int32_t> tokens(n_rows * n_tokens);
    kstt_error           error  = {};
    const kstt_status    status = kstt_generation_tokens(generation.get(), tokens.data(), tokens.size(), &error);
    throw_if_failed(env, status, error);
    Napi::Array rows = Napi::Array::New(env, n_rows);
    for (size_t row = 0; row < n_rows; ++row) {
        rows.Set(static_cast<uint32_t>(row), from_int32s(env, tokens.data() + row * n_tokens, n_tokens));
    }
    return rows;
}

Napi::Value generation_object::dispose(const Napi::CallbackInfo & info) {
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), -std::exchange(reported_bytes_, 0));
    return release_async(info.Env(), std::exchange(generation_, nullptr));
}

}  // namespace kstt_node
