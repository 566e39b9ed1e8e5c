#include "encoding-object.h"

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

struct made_encoding {
    std::shared_ptr<kstt_encoding> encoding;
    int32_t                        n_rows       = 0;
    int32_t                        n_quantizers = 0;
    int64_t                        input_bytes  = 0;
};

constexpr const char * what = "encoding";

kstt_status create(kstt_engine *       engine,
                   kstt_codec_stream * stream,
                   const sample_rows & rows,
                   kstt_encoding **    out,
                   kstt_error *        error) {
    const float * values = rows.values.data();
    return stream != nullptr ? kstt_encoding_create_piece(stream, values, rows.n_rows, rows.n_samples, out, error)
                             : kstt_encoding_create(engine, values, rows.n_rows, rows.n_samples, out, error);
}

}  // namespace

Napi::Value create_encoding_object(const Napi::CallbackInfo &   info,
                                   std::shared_ptr<kstt_engine> engine,
                                   int32_t                      n_quantizers) {
    sample_rows rows   = to_rows(info[0], info[1], info[2]);
    auto        stream = to_codec_stream(info, 3);
    return call_async<made_encoding>(
        info.Env(),
        "kstt.createEncoding",
        [engine = std::move(engine), stream = std::move(stream), rows = std::move(rows), n_quantizers](
            made_encoding & made, kstt_error * error) {
            kstt_encoding *   handle = nullptr;
            const kstt_status status = create(engine.get(), stream.get(), rows, &handle, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            made.encoding     = own_handle<kstt_encoding_free>(handle, engine);
            made.n_rows       = rows.n_rows;
            made.n_quantizers = n_quantizers;
            made.input_bytes  = static_cast<int64_t>(rows.values.size() * sizeof(float));
            return status;
        },
        [](Napi::Env env, made_encoding & made) { return wrap_made(environment_data::of(env).encoding, made); });
}

Napi::Function encoding_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Encoding",
                       {
                           InstanceMethod("advance", &encoding_object::advance),
                           InstanceMethod("codes", &encoding_object::codes),
                           InstanceMethod("dispose", &encoding_object::dispose),
                       });
}

encoding_object::encoding_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<encoding_object>(info) {
    const auto & made = made_from<made_encoding>(info);
    encoding_         = made.encoding;
    n_rows_           = made.n_rows;
    n_quantizers_     = made.n_quantizers;
    bytes_.add(info.Env(), made.input_bytes);
}

void encoding_object::Finalize(Napi::BasicEnv env) {
    bytes_.release(env);
}

Napi::Value encoding_object::advance(const Napi::CallbackInfo & info) {
    auto encoding = open_handle(info, encoding_, what);
    return advance_async<kstt_encoding_advance>(
        info.Env(), "kstt.advanceEncoding", std::move(encoding), to_int32(info[0], "maxFrames"));
}

Napi::Value encoding_object::codes(const Napi::CallbackInfo & info) {
    const Napi::Env      env          = info.Env();
    const auto           encoding     = open_handle(info, encoding_, what);
    const auto           n_rows       = static_cast<size_t>(n_rows_);
    const auto           n_quantizers = static_cast<size_t>(n_quantizers_);
    const auto           n_frames     = static_cast<size_t>(kstt_encoding_n_frames(encoding.get()));
    std::vector<int32_t> codes(n_rows * n_quantizers * n_frames);
    kstt_error           error  = {};
    const kstt_status    status = kstt_encoding_codes(encoding.get(), codes.data(), codes.size(), &error);
    throw_if_failed(env, status, error);
    const int32_t * next = codes.data();
    Napi::Array     rows = Napi::Array::New(env, n_rows);
    for (size_t row = 0; row < n_rows; ++row) {
        Napi::Array quantizers = Napi::Array::New(env, n_quantizers);
        for (size_t quantizer = 0; quantizer < n_quantizers; ++quantizer, next += n_frames) {
            quantizers.Set(static_cast<uint32_t>(quantizer), from_int32s(env, next, n_frames));
        }
        rows.Set(static_cast<uint32_t>(row), quantizers);
    }
    return rows;
}

Napi::Value encoding_object::dispose(const Napi::CallbackInfo & info) {
    bytes_.release(info.Env());
    return release_async(info.Env(), std::exchange(encoding_, nullptr));
}

}  // namespace kstt_node
