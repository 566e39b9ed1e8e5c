// Typed arrays of JavaScript as vectors; undefined and null are absent ones. Readers throw ERR_INVALID_ARGUMENT naming
// the argument.
#pragma once

#include "napi-setup.h"

#include <cstdint>
#include <vector>

namespace kstt_node {

std::vector<float>   copy_floats(const Napi::Value & value, const char * name);
std::vector<int32_t> copy_int32s(const Napi::Value & value, const char * name);
std::vector<int64_t> copy_int64s(const Napi::Value & value, const char * name);  // BigInt64Array
std::vector<uint8_t> copy_uint8s(const Napi::Value & value, const char * name);

// Of an array of Float32Arrays.
std::vector<std::vector<float>> copy_float_arrays(const Napi::Value & value, const char * name);

// For the core's pointers: nullptr instead of an empty vector.
template <typename T>
const T * data_or_null(const std::vector<T> & values) {
    return values.empty() ? nullptr : values.data();
}

}  // namespace kstt_node
