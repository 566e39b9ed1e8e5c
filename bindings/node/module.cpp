// The addon's exports. ts/backend/native/addon-types.ts describes them for TypeScript.
#include "cache-object.h"
#include "codec-stream-object.h"
#include "conversion-object.h"
#include "conversions.h"
#include "decoding-object.h"
#include "encoding-object.h"
#include "engine-object.h"
#include "environment-data.h"
#include "error-object.h"
#include "forward-object.h"
#include "generation-object.h"
#include "model-description.h"
#include "napi-setup.h"
#include "pin-library.h"
#include "resampler-object.h"
#include "session-object.h"
#include "tokenizer-object.h"

#include <kstt.h>

#include <string>

namespace kstt_node {

namespace {

// init(kernelDir: string | null, makeError: (status: number, message: string) => Error): void
// kernelDir: folder of the CPU kernels, null when they are linked in.
void init(const Napi::CallbackInfo & info) {
    const Napi::Env env = info.Env();
    if (!info[1].IsFunction()) {
        throw Napi::TypeError::New(env, "makeError must be a function");
    }
    environment_data::of(env).make_error = Napi::Persistent(info[1].As<Napi::Function>());
    const std::string kernel_dir         = info[0].IsNull() ? "" : to_text(info[0], "kernelDir");
    kstt_error        error              = {};
    const kstt_status status             = kstt_init(info[0].IsNull() ? nullptr : kernel_dir.c_str(), &error);
    throw_if_failed(env, status, error);
}

Napi::Object load(Napi::Env env, Napi::Object exports) {
    pin_library();
    auto * data = new environment_data();
    env.SetInstanceData(data);  // owns it now
    data->engine       = Napi::Persistent(engine_object::define(env));
    data->generation   = Napi::Persistent(generation_object::define(env));
    data->encoding     = Napi::Persistent(encoding_object::define(env));
    data->decoding     = Napi::Persistent(decoding_object::define(env));
    data->codec_stream = Napi::Persistent(codec_stream_object::define(env));
    data->session      = Napi::Persistent(session_object::define(env));
    data->cache        = Napi::Persistent(cache_object::define(env));
    data->forward      = Napi::Persistent(forward_object::define(env));
    data->resampler    = Napi::Persistent(resampler_object::define(env));
    data->conversion   = Napi::Persistent(conversion_object::define(env));
    data->tokenizer    = Napi::Persistent(tokenizer_object::define(env));
    exports.Set("abiVersion", kstt_abi_version());
    exports.Set("init", Napi::Function::New(env, init, "init"));
    exports.Set("createEngine", Napi::Function::New(env, engine_object::create, "createEngine"));
    exports.Set("describeModel", Napi::Function::New(env, describe_model, "describeModel"));
    exports.Set("createResampler", Napi::Function::New(env, resampler_object::create, "createResampler"));
    exports.Set("createConversion", Napi::Function::New(env, conversion_object::create, "createConversion"));
    exports.Set("createTokenizer", Napi::Function::New(env, tokenizer_object::create, "createTokenizer"));
    return exports;
}

}  // namespace

environment_data & environment_data::of(Napi::Env env) {
    auto * data = env.GetInstanceData<environment_data>();
    if (data == nullptr) {
        throw Napi::Error::New(env, "the addon is gone: its environment shuts down");
    }
    return *data;
}

NODE_API_MODULE(kstt, load)

}  // namespace kstt_node
