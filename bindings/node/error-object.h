// Failures of kstt.h as JS errors. The error class belongs to the TypeScript side, which hands a factory to init().
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <string>

namespace kstt_node {

// A call on a disposed object. Beside the values of kstt_status, because the C header knows no such state.
constexpr kstt_status status_disposed = -1;

// The factory's error for this status. An empty message is replaced by the status' name.
Napi::Value make_error(Napi::Env env, kstt_status status, const std::string & message);

// Throws that error as a JS exception.
[[noreturn]] void throw_error(Napi::Env env, kstt_status status, const std::string & message);

// The same, unless the status is OK.
void throw_if_failed(Napi::Env env, kstt_status status, const kstt_error & error);

// For checks off the environment's thread: INVALID_ARGUMENT with a message.
kstt_status refuse(kstt_error * error, const char * message);

}  // namespace kstt_node
