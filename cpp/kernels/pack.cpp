#include "kernels/packed-weights.h"

#include <cstring>

namespace kstt {

namespace {

// One block of 32 in ggml's form: a f16 scale, then the quants.
constexpr int64_t scale_bytes = 2;

// ggml's q4_k: d, dmin (f16), 8 scales and 8 minima of six bits in 12 bytes, 128 bytes of quants.
constexpr int64_t super_blocks = 8;
constexpr int64_t super_scales = 4;
constexpr int64_t super_quants = 16;
constexpr int64_t super_bytes  = 144;

// Copies the 4-byte groups of one row's block to every sixteenth place.
void spread(const uint8_t * quants, int64_t n_groups, uint32_t flip, uint8_t * out) {
    for (int64_t g = 0; g < n_groups; g++) {
        uint32_t group;
        std::memcpy(&group, quants + g * 4, sizeof(group));
        group ^= flip;
        std::memcpy(out + g * strip_rows * 4, &group, sizeof(group));
    }
}

void pack_row_q8_0(const uint8_t * row, int64_t n_blocks, uint8_t * scales, uint8_t * quants) {
    for (int64_t b = 0; b < n_blocks; b++) {
        const uint8_t * block = row + b * (scale_bytes + 32);
        std::memcpy(scales + b * strip_rows * scale_bytes, block, scale_bytes);
        spread(block + scale_bytes, 8, 0x80808080U, quants + b * 512);
    }
}

void pack_row_q4_0(const uint8_t * row, int64_t n_blocks, uint8_t * scales, uint8_t * quants) {
    for (int64_t b = 0; b < n_blocks; b++) {
        const uint8_t * block = row + b * (scale_bytes + 16);
        std::memcpy(scales + b * strip_rows * scale_bytes, block, scale_bytes);
        spread(block + scale_bytes, 4, 0, quants + b * 256);
    }
}

// `place`: of the row in the strip.
void pack_row_q4_k(const uint8_t * row, int64_t n_blocks, int64_t place, uint8_t * scales, uint8_t * quants) {
    for (int64_t s = 0; s < n_blocks / super_blocks; s++, row += super_bytes, scales += 256) {
        std::memcpy(scales + place * 2, row, 2);
        std::memcpy(scales + 32 + place * 2, row + 2, 2);
        uint8_t         scale[super_blocks];
        uint8_t         minimum[super_blocks];
        const uint8_t * bits = row + super_scales;
        for (int64_t j = 0; j < 4; j++) {
            scale[j]       = bits[j] & 63U;
            minimum[j]     = bits[j + 4] & 63U;
            scale[j + 4]   = static_cast<uint8_t>((bits[j + 8] & 15U) | ((bits[j] >> 6U) << 4U));
            minimum[j + 4] = static_cast<uint8_t>((bits[j + 8] >> 4U) | ((bits[j + 4] >> 6U) << 4U));
        }
        for (int64_t pair = 0; pair < 4; pair++) {
            uint8_t *      out  = scales + 64 + pair * 48 + place;
            const uint32_t next = minimum[2 * pair + 1];
            out[0]              = static_cast<uint8_t>(scale[2 * pair] | ((next & 3U) << 6U));
            out[16]             = static_cast<uint8_t>(minimum[2 * pair] | (((next >> 2U) & 3U) << 6U));
            out[32]             = static_cast<uint8_t>(scale[2 * pair + 1] | ((next >> 4U) << 6U));
        }
        for (int64_t j = 0; j < super_blocks; j++, quants += 256) {
            // ggml keeps blocks 2i and 2i + 1 in the low and the high halves of the same 32 bytes.
            const uint8_t * from  = row + super_quants + j / 2 * 32;
            const uint32_t  shift = j % 2 * 4;
            uint8_t         halves[16];
            for (int64_t i = 0; i < 16; i++) {
                halves[i] = static_cast<uint8_t>(((from[i] >> shift) & 15U) | (((from[i + 16] >> shift) & 15U) << 4U));
            }
            spread(halves, 4, 0, quants);
        }
    }
}

}  // namespace

void pack_strips(
    weight_kind kind, const void * blocks, int64_t k, int64_t n_out, int64_t begin, int64_t end, void * packed) {
    const strip_layout layout    = layout_of(kind, k);
    const int64_t      n_blocks  = k / block_weights;
    const int64_t      row_bytes = kind == weight_kind::q8_0   ? n_blocks * 34
                                   : kind == weight_kind::q4_0 ? n_blocks * 18
                                                               : k / 256 * super_bytes;
    for (int64_t strip = begin; strip < end; strip++) {
        auto * out = static_cast<uint8_t *>(packed) + strip * layout.bytes(k);
        if ((strip + 1) * strip_rows > n_out) {
            std::memset(out, 0, static_cast<size_t>(layout.bytes(k)));
        }
        for (int64_t place = 0; place < strip_rows && strip * strip_rows + place < n_out; place++) {
            const uint8_t * row    = static_cast<const uint8_t *>(blocks) + (strip * strip_rows + place) * row_bytes;
            uint8_t *       quants = out + layout.scales + place * 4;
            if (kind == weight_kind::q8_0) {
                pack_row_q8_0(row, n_blocks, out + place * scale_bytes, quants);
            } else if (kind == weight_kind::q4_0) {
                pack_row_q4_0(row, n_blocks, out + place * scale_bytes, quants);
            } else {
                pack_row_q4_k(row, n_blocks, place, out, quants);
            }
        }
    }
}

}  // namespace kstt
