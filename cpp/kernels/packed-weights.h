// Quantized weights laid out for the processor: ggml's blocks, the same bits, in another order.
//
// 16 rows make a strip; a lane of a vector is a row, so the f32 sums of all instruction sets run over the blocks of one
// row in one order. A strip holds the scales of all its blocks, then their quants; strips follow one another, and the
// rows missing to the last strip are zeros. Per block of 32 weights of each row:
//
//   q8_0  scales: 16 x f16; quants: 8 groups of [16 rows][4 weights], each weight + 128 (the processors multiply
//         unsigned by signed bytes)
//   q4_0  scales: 16 x f16; quants: 4 groups of [16 rows][4 bytes], byte i of ggml's 16: weights i and i + 16 of the
//         block in its low and high half
//   q4_k  quants as q4_0; scales per 8 blocks (ggml's super-block): 16 x f16 d, 16 x f16 dmin, then for every two
//         blocks three times 16 bytes: scale, minimum, and next scale in the low six bits, the next minimum in the two
//         high bits of each, lowest bits first
#pragma once

#include "kernels/kernels.h"

namespace kstt {

static const int64_t strip_rows    = 16;
static const int64_t block_weights = 32;  // weights that share a scale; also the block of the quantized activations

// True for the kinds that this file is about.
inline bool is_packed(weight_kind kind) {
    return kind == weight_kind::q8_0 || kind == weight_kind::q4_0 || kind == weight_kind::q4_k;
}

// Sizes in bytes of the parts of one strip.
struct strip_layout {
    int64_t scales;  // all of them, a multiple of 64: the quants are as aligned as the strip
    int64_t quants;  // of one block of 32

    int64_t bytes(int64_t k) const { return scales + k / block_weights * quants; }
};

inline strip_layout layout_of(weight_kind kind, int64_t k) {
    const int64_t per_block = kind == weight_kind::q8_0 ? 512 : 256;
    const int64_t scales    = kind == weight_kind::q4_k ? k / 256 * 256 : (k / block_weights * 32 + 63) / 64 * 64;
    return { scales, per_block };
}

// Weights of a row come in multiples of this.
inline int64_t row_granularity(weight_kind kind) {
    return kind == weight_kind::q4_k ? 256 : block_weights;
}

inline int64_t n_strips(int64_t n_out) {
    return (n_out + strip_rows - 1) / strip_rows;
}

inline int64_t packed_bytes(weight_kind kind, int64_t k, int64_t n_out) {
    return n_strips(n_out) * layout_of(kind, k).bytes(k);
}

// Lays out strips [begin, end) of a matrix of n_out rows of k weights. `blocks`: the matrix in ggml's form; `packed`:
// the whole result, packed_bytes() long, 64-byte aligned for speed.
void pack_strips(
    weight_kind kind, const void * blocks, int64_t k, int64_t n_out, int64_t begin, int64_t end, void * packed);

}  // namespace kstt
