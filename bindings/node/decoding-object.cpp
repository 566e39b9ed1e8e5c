#include "decoding-object.h"

#include "advance-call.h"
#include "async-call.h"
#include "codec-stream-object.h"
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

struct made_decoding {
    std::shared_ptr<kstt_decoding> decoding;
    int32_t                        n_rows      = 0;
    int64_t                        audio_bytes = 0;
};

constexpr const char * what = "decoding";

}  // namespace

Napi::Value create_decoding_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine) {
    code_rows rows   = to_codes(info[0], info[1], info[2], info[3]);
    auto      stream = to_codec_stream(info, 4);
    return call_async<made_decoding>(
        info.Env(),
        "kstt.createDecoding",
        [engine = std::move(engine), stream = std::move(stream), rows = std::move(rows)](made_decoding & made,
                                                                                         kstt_error *    error) {
            kstt_decoding *   handle = nullptr;
            const kstt_status status = kstt_decoding_create(engine.get(),
                                                            rows.values.data(),
                                                            rows.n_rows,
                                                            rows.n_quantizers,
                                                            rows.n_frames,
                                                            stream.get(),
                                                            &handle,
                                                            error);
            if (status == KSTT_STATUS_OK) {
                made.decoding    = own_handle<kstt_decoding_free>(handle, engine);
                made.n_rows      = rows.n_rows;
                made.audio_bytes = kstt_decoding_n_samples(handle) * rows.n_rows * int64_t{ sizeof(float) };
            }
            return status;
        },
        [](Napi::Env env, made_decoding & made) { return wrap_made(environment_data::of(env).decoding, made); });
}

Napi::Function decoding_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Decoding",
                       {
                           InstanceMethod("advance", &decoding_object::advance),
                           InstanceMethod("audio", &decoding_object::audio),
                           InstanceMethod("dispose", &decoding_object::dispose),
                       });
}

decoding_object::decoding_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<decoding_object>(info) {
    const auto & made = made_from<made_decoding>(info);
    decoding_         = made.decoding;
    n_rows_           = made.n_rows;
    bytes_.add(info.Env(), made.audio_bytes);
}

void decoding_object::Finalize(Napi::BasicEnv env) {
    bytes_.release(env);
}

Napi::Value decoding_object::advance(const Napi::CallbackInfo & info) {
    auto decoding = open_handle(info, decoding_, what);
    return advance_async<kstt_decoding_advance>(
        info.Env(), "kstt.advanceDecoding", std::move(decoding), to_int32(info[0], "maxFrames"));
}

Napi::Value decoding_object::audio(const Napi::CallbackInfo & info) {
    const auto         decoding = open_handle(info, decoding_, what);
    std::vector<float> audio(static_cast<size_t>(n_rows_ * kstt_decoding_n_samples(decoding.get())));
    kstt_error         error  = {};
    const kstt_status  status = kstt_decoding_audio(decoding.get(), audio.data(), audio.size(), &error);
    throw_if_failed(info.Env(), status, error);
    return from_floats(info.Env(), audio);
}

Napi::Value decoding_object::dispose(const Napi::CallbackInfo & info) {
    bytes_.release(info.Env());
    return release_async(info.Env(), std::exchange(decoding_, nullptr));
}

}  // namespace kstt_node
