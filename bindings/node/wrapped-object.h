// How a native object made by an async call becomes a JS object, and what its methods check first.
#pragma once

#include "error-object.h"
#include "napi-setup.h"

#include <memory>
#include <string>

namespace kstt_node {

// Makes the JS object around `made` (a struct of handles and facts about them), which its constructor copies.
template <typename Made>
Napi::Object wrap_made(const Napi::FunctionReference & constructor, Made & made) {
    const Napi::Env env = constructor.Env();
    return constructor.New({ Napi::External<Made>::New(env, &made) });
}

// For those constructors: only wrap_made() has what they take, so scripts cannot construct objects without a handle.
template <typename Made>
const Made & made_from(const Napi::CallbackInfo & info) {
    if (!info[0].IsExternal()) {
        throw_error(
            info.Env(), KSTT_STATUS_INVALID_ARGUMENT, "objects of this class are made by create functions only");
    }
    return *info[0].As<Napi::External<Made>>().Data();
}

// The handle, unless dispose() took it.
template <typename Owned>
Owned open_handle(const Napi::CallbackInfo & info, const Owned & owned, const char * what) {
    if (!owned) {
        throw_error(info.Env(), status_disposed, std::string("the ") + what + " was disposed");
    }
    return owned;
}

}  // namespace kstt_node
