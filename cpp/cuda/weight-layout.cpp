#include "cuda/weight-layout.h"

#include <cstring>

namespace kstt::gpu {

namespace {

constexpr int64_t n_lanes        = 32;
constexpr int64_t lane_weights   = 8;   // of one row, in a chunk
constexpr int64_t q8_block_bytes = 34;  // f16 scale, 32 x i8
constexpr int64_t q4_block_bytes = 18;  // f16 scale, 16 bytes: weights i and i + 16

// Weight i of a block of q4_0, 0 to 15.
uint8_t nibble(const uint8_t * block, int64_t i) {
    const uint8_t byte = block[2 + i % 16];
    return i < 16 ? byte & 15U : byte >> 4;
}

void pack_16_bit(const matrix_shape & shape, const uint16_t * rows, int64_t strip, uint16_t * out) {
    for (int64_t chunk = 0; chunk < shape.n_chunks(); chunk++) {
        for (int64_t half = 0; half < 2; half++) {
            for (int64_t lane = 0; lane < n_lanes; lane++) {
                const int64_t row = row_at(shape, strip, half * 8 + lane / 4);
                const int64_t k0  = chunk * chunk_weights + lane % 4 * lane_weights;
                for (int64_t i = 0; i < lane_weights; i++) {
                    *out++ = row >= 0 && k0 + i < shape.k ? rows[row * shape.k + k0 + i] : uint16_t{ 0 };
                }
            }
        }
    }
}

// Quantized rows are whole blocks of 32 long.
void pack_quantized(
    const matrix_shape & shape, const uint8_t * rows, int64_t strip, uint8_t * quants, uint16_t * scales) {
    const bool    is_q8       = shape.kind == matrix_kind::q8_0;
    const int64_t block_bytes = is_q8 ? q8_block_bytes : q4_block_bytes;
    const auto    block_of    = [&](int64_t row, int64_t chunk) {
        return rows + (row * shape.n_chunks() + chunk) * block_bytes;
    };
    for (int64_t chunk = 0; chunk < shape.n_chunks(); chunk++) {
        for (int64_t lane = 0; lane < n_lanes; lane++) {
            for (int64_t half = 0; half < 2; half++) {
                const int64_t row = row_at(shape, strip, half * 8 + lane / 4);
                const int64_t k0  = lane % 4 * lane_weights;
                for (int64_t i = 0; i < lane_weights; i += is_q8 ? 1 : 2) {
                    if (row < 0) {
                        *quants++ = is_q8 ? 0 : 0x88;  // zero, as q4_0 counts from -8
                    } else if (is_q8) {
                        *quants++ = block_of(row, chunk)[2 + k0 + i];
                    } else {
                        const uint8_t * block = block_of(row, chunk);
                        *quants++ = static_cast<uint8_t>(nibble(block, k0 + i) | (nibble(block, k0 + i + 1) << 4));
                    }
                }
            }
        }
        for (int64_t place = 0; place < shape.rows_per_strip(); place++) {
            const int64_t row   = row_at(shape, strip, place);
            uint16_t      scale = 0;
            if (row >= 0) {
                std::memcpy(&scale, block_of(row, chunk), sizeof(scale));
            }
            *scales++ = scale;
        }
    }
}

void pack_f32(const matrix_shape & shape, const float * rows, int64_t strip, float * out) {
    const int64_t padded = round_up(shape.k, f32_section);
    for (int64_t k0 = 0; k0 < padded; k0 += 4) {
        for (int64_t place = 0; place < shape.rows_per_strip(); place++) {
            const int64_t row = row_at(shape, strip, place);
            for (int64_t i = 0; i < 4; i++) {
                *out++ = row >= 0 && k0 + i < shape.k ? rows[row * shape.k + k0 + i] : 0.0F;
            }
        }
    }
}

size_t quants_per_strip(const matrix_shape & shape) {
    const auto n_weights = static_cast<size_t>(shape.rows_per_strip() * shape.n_chunks() * chunk_weights);
    switch (shape.kind) {
    case matrix_kind::f32:
        return static_cast<size_t>(shape.rows_per_strip() * round_up(shape.k, f32_section)) * sizeof(float);
    case matrix_kind::q8_0:
        return n_weights;
    case matrix_kind::q4_0:
        return n_weights / 2;
    default:
        return n_weights * sizeof(uint16_t);
    }
}

size_t scales_per_strip(const matrix_shape & shape) {
    const bool is_quantized = shape.kind == matrix_kind::q8_0 || shape.kind == matrix_kind::q4_0;
    return is_quantized ? static_cast<size_t>(shape.rows_per_strip() * shape.n_chunks()) * sizeof(uint16_t) : 0;
}

}  // namespace

size_t matrix_shape::quant_bytes() const {
    return static_cast<size_t>(n_strips()) * quants_per_strip(*this);
}

size_t matrix_shape::scale_bytes() const {
    return static_cast<size_t>(n_strips()) * scales_per_strip(*this);
}

int64_t row_at(const matrix_shape & shape, int64_t strip, int64_t row) {
    const int64_t per_strip = shape.rows_per_strip();
    if (!shape.paired) {
        const int64_t at = strip * per_strip + row;
        return at < shape.n_out ? at : -1;
    }
    const int64_t per_half = per_strip / 2;
    const int64_t at       = strip * per_half + row % per_half;
    if (at >= shape.n_out / 2) {
        return -1;
    }
    return row < per_half ? at : shape.n_out / 2 + at;
}

void pack_matrix(
    const matrix_shape & shape, const void * rows, int64_t begin, int64_t end, void * quants, void * scales) {
    for (int64_t strip = begin; strip < end; strip++) {
        char * out = static_cast<char *>(quants) + static_cast<size_t>(strip) * quants_per_strip(shape);
        char * by  = static_cast<char *>(scales) + static_cast<size_t>(strip) * scales_per_strip(shape);
        switch (shape.kind) {
        case matrix_kind::f32:
            pack_f32(shape, static_cast<const float *>(rows), strip, reinterpret_cast<float *>(out));
            break;
        case matrix_kind::q8_0:
        case matrix_kind::q4_0:
            pack_quantized(shape,
                           static_cast<const uint8_t *>(rows),
                           strip,
                           reinterpret_cast<uint8_t *>(out),
                           reinterpret_cast<uint16_t *>(by));
            break;
        default:
            pack_16_bit(shape, static_cast<const uint16_t *>(rows), strip, reinterpret_cast<uint16_t *>(out));
        }
    }
}

}  // namespace kstt::gpu
