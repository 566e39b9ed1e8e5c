#include "conversion-object.h"

#include "advance-call.h"
#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "wrapped-object.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

using guarded_conversion = guarded_handle<kstt_conversion>;

struct made_conversion {
    std::shared_ptr<guarded_conversion> conversion;
};

constexpr const char * what = "conversion";

}  // namespace

Napi::Value conversion_object::create(const Napi::CallbackInfo & info) {
    const std::string              source  = to_text(info[0], "source");
    const std::string              target  = to_text(info[1], "target");
    const Napi::Object             options = to_object(info[2], "options");
    const bool                     is_gguf = to_text(options.Get("format"), "format") == "gguf";
    const std::string              dtype   = options.Has("dtype") ? to_text(options.Get("dtype"), "dtype") : "";
    const std::vector<std::string> keep    = to_texts(options.Get("keep"), "keep");
    kstt_conversion_params         plain   = kstt_conversion_default_params();
    plain.format                           = is_gguf ? KSTT_FORMAT_GGUF : KSTT_FORMAT_SAFETENSORS;
    plain.n_threads                        = to_int32(options.Get("threads"), "threads");
    plain.small_file                       = to_bool(options.Get("small"), "small") ? 1 : 0;
    plain.codec_decoder                    = to_bool(options.Get("codecDecoder"), "codecDecoder") ? 1 : 0;
    plain.compat                           = to_compat(options.Get("transformersCompat"));
    plain.max_shard_bytes                  = to_int64(options.Get("maxShardBytes"), "maxShardBytes");
    return call_async<made_conversion>(
        info.Env(),
        "kstt.createConversion",
        [source, target, dtype, keep, plain](made_conversion & made, kstt_error * error) {
            std::vector<const char *> rules;
            rules.reserve(keep.size());
            for (const std::string & rule : keep) {
                rules.push_back(rule.c_str());
            }
            kstt_conversion_params params = plain;
            params.dtype                  = dtype.empty() ? nullptr : dtype.c_str();
            params.keep                   = rules.data();
            params.n_keep                 = rules.size();
            kstt_conversion * handle      = nullptr;
            const kstt_status status = kstt_conversion_create(source.c_str(), target.c_str(), &params, &handle, error);
            if (status == KSTT_STATUS_OK) {
                made.conversion = std::make_shared<guarded_conversion>(own_handle<kstt_conversion_free>(handle));
            }
            return status;
        },
        [](Napi::Env env, made_conversion & made) { return wrap_made(environment_data::of(env).conversion, made); });
}

Napi::Function conversion_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Conversion",
                       {
                           InstanceMethod("advance", &conversion_object::advance),
                           InstanceMethod("finish", &conversion_object::finish),
                           InstanceMethod("report", &conversion_object::report),
                           InstanceMethod("dispose", &conversion_object::dispose),
                       });
}

conversion_object::conversion_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<conversion_object>(info) {
    conversion_ = made_from<made_conversion>(info).conversion;
}

Napi::Value conversion_object::advance(const Napi::CallbackInfo & info) {
    auto conversion = open_handle(info, conversion_, what);
    return advance_async<kstt_conversion_advance>(
        info.Env(), "kstt.advanceConversion", std::move(conversion), to_int64(info[0], "maxBytes"));
}

Napi::Value conversion_object::finish(const Napi::CallbackInfo & info) {
    auto conversion = open_handle(info, conversion_, what);
    return call_async<no_result>(
        info.Env(),
        "kstt.finishConversion",
        [conversion](no_result &, kstt_error * error) {
            const std::lock_guard<std::mutex> lock(conversion->mutex);
            return kstt_conversion_finish(conversion->handle.get(), error);
        },
        [](Napi::Env env, no_result &) { return env.Undefined(); });
}

Napi::Value conversion_object::report(const Napi::CallbackInfo & info) {
    auto conversion = open_handle(info, conversion_, what);
    return call_async<std::string>(
        info.Env(),
        "kstt.reportConversion",
        [conversion](std::string & text, kstt_error * error) {
            const std::lock_guard<std::mutex> lock(conversion->mutex);
            size_t                            size = 0;
            kstt_status status = kstt_conversion_report(conversion->handle.get(), nullptr, 0, &size, error);
            if (status == KSTT_STATUS_OK) {
                text.resize(size + 1);
                status = kstt_conversion_report(conversion->handle.get(), text.data(), text.size(), &size, error);
                text.resize(size);
            }
            return status;
        },
        [](Napi::Env env, std::string & text) { return Napi::String::New(env, text); });
}

Napi::Value conversion_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(conversion_, nullptr));
}

}  // namespace kstt_node
