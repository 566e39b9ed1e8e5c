#include "typed-arrays.h"

#include "error-object.h"

#include <cstddef>
#include <string>

namespace kstt_node {

namespace {

template <typename T>
std::vector<T> copy_elements(const Napi::Value &  value,
                             const char *         name,
                             napi_typedarray_type type,
                             const char *         what) {
    if (value.IsUndefined() || value.IsNull()) {
        return {};
    }
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be a " + what);
    }
    const auto array = value.As<Napi::TypedArray>();
    const auto bytes = static_cast<const uint8_t *>(array.ArrayBuffer().Data());
    const auto first = reinterpret_cast<const T *>(bytes + array.ByteOffset());
    return { first, first + array.ElementLength() };
}

}  // namespace

std::vector<float> copy_floats(const Napi::Value & value, const char * name) {
    return copy_elements<float>(value, name, napi_float32_array, "Float32Array");
}

std::vector<int32_t> copy_int32s(const Napi::Value & value, const char * name) {
    return copy_elements<int32_t>(value, name, napi_int32_array, "Int32Array");
}

std::vector<int64_t> copy_int64s(const Napi::Value & value, const char * name) {
    return copy_elements<int64_t>(value, name, napi_bigint64_array, "BigInt64Array");
}

std::vector<uint8_t> copy_uint8s(const Napi::Value & value, const char * name) {
    return copy_elements<uint8_t>(value, name, napi_uint8_array, "Uint8Array");
}

std::vector<std::vector<float>> copy_float_arrays(const Napi::Value & value, const char * name) {
    if (!value.IsArray()) {
        throw_error(
            value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be an array of Float32Arrays");
    }
    const auto                      array = value.As<Napi::Array>();
    std::vector<std::vector<float>> result;
    result.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) {
        result.push_back(copy_floats(array.Get(i), name));
    }
    return result;
}

}  // namespace kstt_node
