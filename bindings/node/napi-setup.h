// node-addon-api with the settings of this addon. Include this file, never <napi.h>.
#pragma once

#ifndef NAPI_VERSION
#    define NAPI_VERSION 8
#endif
#ifndef NAPI_CPP_EXCEPTIONS
#    define NAPI_CPP_EXCEPTIONS
#endif
// Any C++ exception that leaves one of our callbacks becomes a JS exception instead of std::terminate.
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
// An environment that shuts down (worker.terminate(), process.exit()) takes no exceptions: drop them, do not abort.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS

#include <napi.h>
