#include "error-object.h"

#include "environment-data.h"

#include <cstdio>

namespace kstt_node {

Napi::Value make_error(Napi::Env env, kstt_status status, const std::string & message) {
    const std::string               text    = message.empty() ? kstt_status_name(status) : message;
    const Napi::FunctionReference & factory = environment_data::of(env).make_error;
    if (factory.IsEmpty()) {
        return Napi::Error::New(env, text + " (and init() was not called)").Value();
    }
    return factory.Value().Call({ Napi::Number::New(env, status), Napi::String::New(env, text) });
}

void throw_error(Napi::Env env, kstt_status status, const std::string & message) {
    throw Napi::Error(env, make_error(env, status, message));
}

void throw_if_failed(Napi::Env env, kstt_status status, const kstt_error & error) {
    if (status != KSTT_STATUS_OK) {
        throw_error(env, status, error.message);
    }
}

kstt_status refuse(kstt_error * error, const char * message) {
    error->status = KSTT_STATUS_INVALID_ARGUMENT;
    std::snprintf(error->message, sizeof(error->message), "%s", message);
    return error->status;
}

}  // namespace kstt_node
