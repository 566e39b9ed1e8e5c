// What this addon keeps per JS environment (the main thread, and each worker thread that loads it).
#pragma once

#include "napi-setup.h"

namespace kstt_node {

struct environment_data {
    Napi::FunctionReference make_error;  // (status, message) => Error, given to init()
    Napi::FunctionReference engine;      // constructors of the wrapped objects
    Napi::FunctionReference generation;
    Napi::FunctionReference encoding;
    Napi::FunctionReference decoding;
    Napi::FunctionReference codec_stream;
    Napi::FunctionReference session;
    Napi::FunctionReference cache;
    Napi::FunctionReference forward;
    Napi::FunctionReference resampler;
    Napi::FunctionReference conversion;
    Napi::FunctionReference tokenizer;

    // Valid from the load of the addon to the end of the environment; only on the environment's thread, and not in
    // finalizers, which may run after it is gone.
    static environment_data & of(Napi::Env env);
};

}  // namespace kstt_node
