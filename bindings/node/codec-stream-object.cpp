#include "codec-stream-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "error-object.h"
#include "native-handle.h"
#include "wrapped-object.h"

#include <string>
#include <utility>

namespace kstt_node {

namespace {

struct made_stream {
    std::shared_ptr<kstt_codec_stream> stream;
};

constexpr const char * what = "codec stream";

int32_t to_half(const Napi::Value & value) {
    const std::string half = to_text(value, "half");
    if (half != "encoder" && half != "decoder") {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, "half must be \"encoder\" or \"decoder\"");
    }
    return half == "decoder" ? KSTT_CODEC_DECODER : KSTT_CODEC_ENCODER;
}

}  // namespace

Napi::Value create_codec_stream_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine) {
    const int32_t half = to_half(info[0]);
    const int32_t rows = to_int32(info[1], "rows");
    return call_async<made_stream>(
        info.Env(),
        "kstt.createCodecStream",
        [engine = std::move(engine), half, rows](made_stream & made, kstt_error * error) {
            kstt_codec_stream * handle = nullptr;
            const kstt_status   status = kstt_codec_stream_create(engine.get(), half, rows, &handle, error);
            if (status == KSTT_STATUS_OK) {
                made.stream = own_handle<kstt_codec_stream_free>(handle, engine);
            }
            return status;
        },
        [](Napi::Env env, made_stream & made) { return wrap_made(environment_data::of(env).codec_stream, made); });
}

std::shared_ptr<kstt_codec_stream> to_codec_stream(const Napi::CallbackInfo & info, size_t index) {
    const Napi::Value value = info[index];
    if (value.IsUndefined()) {
        return nullptr;
    }
    const Napi::Function constructor = environment_data::of(info.Env()).codec_stream.Value();
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor)) {
        throw_error(info.Env(), KSTT_STATUS_INVALID_ARGUMENT, "stream is not a codec stream of this engine");
    }
    return open_handle(info, codec_stream_object::Unwrap(value.As<Napi::Object>())->stream(), what);
}

Napi::Function codec_stream_object::define(Napi::Env env) {
    return DefineClass(env,
                       "CodecStream",
                       {
                           InstanceMethod("columns", &codec_stream_object::columns),
                           InstanceMethod("restart", &codec_stream_object::restart),
                           InstanceMethod("dispose", &codec_stream_object::dispose),
                       });
}

codec_stream_object::codec_stream_object(const Napi::CallbackInfo & info)
    : Napi::ObjectWrap<codec_stream_object>(info), stream_(made_from<made_stream>(info).stream) {}

Napi::Value codec_stream_object::columns(const Napi::CallbackInfo & info) {
    const int64_t n = kstt_codec_stream_n_columns(open_handle(info, stream_, what).get());
    return Napi::Number::New(info.Env(), static_cast<double>(n));
}

void codec_stream_object::restart(const Napi::CallbackInfo & info) {
    const auto        stream = open_handle(info, stream_, what);
    kstt_error        error  = {};
    const kstt_status status = kstt_codec_stream_restart(stream.get(), to_int32(info[0], "caches"), &error);
    throw_if_failed(info.Env(), status, error);
}

Napi::Value codec_stream_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(stream_, nullptr));
}

}  // namespace kstt_node
