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

float f16_at(const uint8_t * bytes) {
    uint16_t half;
    std::memcpy(&half, bytes, sizeof(half));
    return f32_of_f16(half);
}

void values_of_q8_0(const uint8_t * block, float * out) {
    const float scale = f16_at(block);
    for (size_t i = 0; i < 32; ++i) {
        out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * scale;
    }
}

// Low half bytes are the first 16 values, high ones the last.
void values_of_q4_0(const uint8_t * block, float * out) {
    const float scale = f16_at(block);
    for (size_t i = 0; i < 16; ++i) {
        out[i]      = static_cast<float>(static_cast<int>(block[2 + i] & 0x0FU) - 8) * scale;
        out[i + 16] = static_cast<float>(static_cast<int>(block[2 + i] >> 4U) - 8) * scale;
    }
}

// Eight sub-blocks of 32: value = scale * q - minimum, both given in 6 bits of the block's two f16. The upper bits of
// the last four pairs are packed into the spare bits of the first four (ggml-quants.c, get_scale_min_k4).
void values_of_q4_k(const uint8_t * block, float * out) {
    const float     scale_unit   = f16_at(block);
    const float     minimum_unit = f16_at(block + 2);
    const uint8_t * packed       = block + 4;
    const uint8_t * quants       = block + 16;
    for (size_t sub = 0; sub < 8; ++sub) {
        const unsigned  scale = sub < 4 ? packed[sub] & 63U : (packed[sub + 4] & 0x0FU) | (packed[sub - 4] >> 6U << 4U);
        const unsigned  minimum = sub < 4 ? packed[sub + 4] & 63U : (packed[sub + 4] >> 4U) | (packed[sub] >> 6U << 4U);
        const float     step    = scale_unit * static_cast<float>(scale);
        const float     offset  = minimum_unit * static_cast<float>(minimum);
        // Two sub-blocks share 32 bytes: the even one has the low halves.
        const uint8_t * pair    = quants + sub / 2 * 32;
        const unsigned  shift   = sub % 2 == 0 ? 0 : 4;
        for (size_t i = 0; i < 32; ++i) {
            out[sub * 32 + i] = step * static_cast<float>((pair[i] >> shift) & 0x0FU) - offset;
        }
    }
}

template <typename F>
void convert_blocks(const tensor_view & tensor, float * out, const element_block & block, const F & values_of) {
    const size_t n_blocks = tensor.n_bytes / block.n_bytes;
    for (size_t i = 0; i < n_blocks; ++i) {
        values_of(tensor.data + i * block.n_bytes, out + i * static_cast<size_t>(block.n_elements));
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
    case element_type::u32:
        return "u32";
    case element_type::boolean:
        return "bool";
    case element_type::q8_0:
        return "q8_0";
    case element_type::q4_0:
        return "q4_0";
    case element_type::q4_k:
        return "q4_k";
    }
    return "unknown";
}

element_block element_type_block(element_type type) {
    switch (type) {
    case element_type::f64:
    case element_type::i64:
        return { 1, 8 };
    case element_type::f32:
    case element_type::i32:
    case element_type::u32:
        return { 1, 4 };
    case element_type::f16:
    case element_type::bf16:
    case element_type::i16:
        return { 1, 2 };
    case element_type::i8:
    case element_type::u8:
    case element_type::boolean:
        return { 1, 1 };
    case element_type::q8_0:  // a f16 scale, 32 bytes
        return { 32, 34 };
    case element_type::q4_0:  // a f16 scale, 32 half bytes
        return { 32, 18 };
    case element_type::q4_k:  // two f16 scales, 16 scales and minima of 6 bits, 256 half bytes
        return { 256, 144 };
    }
    return { 1, 0 };
}

bool is_block_format(element_type type) {
    return element_type_block(type).n_elements > 1;
}

size_t element_type_size(element_type type) {
    KSTT_CHECK(!is_block_format(type));
    return element_type_block(type).n_bytes;
}

std::string shape_text(const std::vector<int64_t> & shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    }
    return text + "]";
}

int64_t tensor_view::n_elements() const {
    int64_t n = 1;
    for (const int64_t dimension : shape) {
        n *= dimension;
    }
    return n;
}

void convert_to_f32(const tensor_view & tensor, float * out) {
    const element_block block = element_type_block(tensor.type);
    KSTT_CHECK(tensor.n_bytes == static_cast<size_t>(tensor.n_elements() / block.n_elements) * block.n_bytes);
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
    case element_type::q8_0:
        convert_blocks(tensor, out, block, values_of_q8_0);
        return;
    case element_type::q4_0:
        convert_blocks(tensor, out, block, values_of_q4_0);
        return;
    case element_type::q4_k:
        convert_blocks(tensor, out, block, values_of_q4_k);
        return;
    default:
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    "tensor " + tensor.name + ": expected type f32, f16, bf16, q8_0, q4_0 or q4_k, found " +
                        element_type_name(tensor.type));
    }
}

}  // namespace kstt
