#include "io/checkpoint.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {
namespace {

float f32_of_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

float f32_of_f16(uint16_t half) {
    const uint32_t sign     = (half & 0x8000U) << 16U;
    const uint32_t exponent = (half >> 10U) & 0x1FU;
    const uint32_t mantissa = half & 0x3FFU;
    if (exponent == 0x1F) {  // infinity, NaN with its payload
        return f32_of_bits(sign | 0x7F800000U | (mantissa << 13U));
    }
    if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24, exact in f32
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    return f32_of_bits(sign | ((exponent + 112U) << 23U) | (mantissa << 13U));  // 112 = 127 - 15, the two biases
}

template <typename F>
void convert_halves(const tensor_view & tensor, float * out, const F & to_f32) {
    const auto n = static_cast<size_t>(tensor.n_elements());
    for (size_t i = 0; i < n; ++i) {
        // The mapping gives no alignment.
        uint16_t half;
        std::memcpy(&half, tensor.data + i * sizeof(half), sizeof(half));
        out[i] = to_f32(half);
    }
}

}  // namespace

const char * element_type_name(element_type type) {
    switch (type) {
    case element_type::f32:
        return "f32";
    case element_type::f16:
        return "f16";
    case element_type::bf16:
        return "bf16";
    case element_type::f64:
        return "f64";
    case element_type::i64:
        return "i64";
    case element_type::i32:
        return "i32";
    case element_type::i16:
        return "i16";
    case element_type::i8:
        return "i8";
    case element_type::u8:
        return "u8";
    case element_type::boolean:
        return "bool";
    }
    return "unknown";
}

size_t element_type_size(element_type type) {
    switch (type) {
    case element_type::f64:
    case element_type::i64:
        return 8;
    case element_type::f32:
    case element_type::i32:
        return 4;
    case element_type::f16:
    case element_type::bf16:
    case element_type::i16:
        return 2;
    case element_type::i8:
    case element_type::u8:
    case element_type::boolean:
        return 1;
    }
    return 0;
}

int64_t tensor_view::n_elements() const {
    int64_t n = 1;
    for (const int64_t dimension : shape) {
        n *= dimension;
    }
    return n;
}

void convert_to_f32(const tensor_view & tensor, float * out) {
    KSTT_CHECK(tensor.n_bytes == static_cast<size_t>(tensor.n_elements()) * element_type_size(tensor.type));
    switch (tensor.type) {
    case element_type::f32:
        if (tensor.n_bytes != 0) {
            std::memcpy(out, tensor.data, tensor.n_bytes);
        }
        return;
    case element_type::f16:
        convert_halves(tensor, out, f32_of_f16);
        return;
    case element_type::bf16:  // the upper half of a f32
        convert_halves(tensor, out, [](uint16_t half) { return f32_of_bits(static_cast<uint32_t>(half) << 16U); });
        return;
    default:
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    "tensor " + tensor.name + ": expected type f32, f16 or bf16, found " +
                        element_type_name(tensor.type));
    }
}

}  // namespace kstt
