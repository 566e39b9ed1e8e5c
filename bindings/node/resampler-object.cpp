#include "resampler-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "wrapped-object.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

using guarded_resampler = guarded_handle<kstt_resampler>;

struct made_resampler {
    std::shared_ptr<guarded_resampler> resampler;
};

constexpr const char * what = "resampler";

Napi::Value from_output(Napi::Env env, std::vector<float> & output) {
    return from_floats(env, output);
}

}  // namespace

Napi::Value resampler_object::create(const Napi::CallbackInfo & info) {
    const int32_t rate_in  = to_int32(info[0], "rateIn");
    const int32_t rate_out = to_int32(info[1], "rateOut");
    return call_async<made_resampler>(
        info.Env(),
        "kstt.createResampler",
        [rate_in, rate_out](made_resampler & made, kstt_error * error) {
            kstt_resampler *  handle = nullptr;
            const kstt_status status = kstt_resampler_create(rate_in, rate_out, &handle, error);
            if (status == KSTT_STATUS_OK) {
                made.resampler = std::make_shared<guarded_resampler>(own_handle<kstt_resampler_free>(handle));
            }
            return status;
        },
        [](Napi::Env env, made_resampler & made) { return wrap_made(environment_data::of(env).resampler, made); });
}

Napi::Function resampler_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Resampler",
                       {
                           InstanceMethod("push", &resampler_object::push),
                           InstanceMethod("flush", &resampler_object::flush),
                           InstanceMethod("dispose", &resampler_object::dispose),
                       });
}

resampler_object::resampler_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<resampler_object>(info) {
    resampler_ = made_from<made_resampler>(info).resampler;
}

Napi::Value resampler_object::push(const Napi::CallbackInfo & info) {
    auto resampler = open_handle(info, resampler_, what);
    return call_async<std::vector<float>>(
        info.Env(),
        "kstt.pushResampler",
        [resampler, pcm = copy_samples(info.Env(), to_samples(info[0], "pcm"))](std::vector<float> & output,
                                                                                kstt_error *         error) {
            const std::lock_guard<std::mutex> lock(resampler->mutex);
            const float *                     made   = nullptr;
            size_t                            n_made = 0;
            const kstt_status                 status =
                kstt_resampler_push(resampler->handle.get(), pcm.data(), pcm.size(), &made, &n_made, error);
            if (status == KSTT_STATUS_OK) {
                output.assign(made, made + n_made);
            }
            return status;
        },
        from_output);
}

Napi::Value resampler_object::flush(const Napi::CallbackInfo & info) {
    auto resampler = open_handle(info, resampler_, what);
    return call_async<std::vector<float>>(
        info.Env(),
        "kstt.flushResampler",
        [resampler](std::vector<float> & output, kstt_error * error) {
            const std::lock_guard<std::mutex> lock(resampler->mutex);
            const float *                     made   = nullptr;
            size_t                            n_made = 0;
            const kstt_status status = kstt_resampler_flush(resampler->handle.get(), &made, &n_made, error);
            if (status == KSTT_STATUS_OK) {
                output.assign(made, made + n_made);
            }
            return status;
        },
        from_output);
}

Napi::Value resampler_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(resampler_, nullptr));
}

}  // namespace kstt_node
