// Matrices laid out so that a warp reads them in one contiguous run. Packed on the host, once, while a model is loaded.
//
// 16-bit and quantized kinds: strips of 16 rows, chunks of 32 weights of each row. Within a chunk lane 4 * g + t of a
// warp holds weights 8 t to 8 t + 7 of rows g and g + 8, which is what two tensor core products of 16 x 16 take; that k
// is dealt out in another order than PTX numbers it is no matter as long as both factors agree.
//   bf16, f16  [strip][chunk][row half][lane][8] u16
//   q8_0       [strip][chunk][lane][row half][8] i8, scales [strip][chunk][16] f16
//   q4_0       [strip][chunk][lane][row half][4] u8, weight 2 i in the low half of byte i; scales as q8_0
// f32: strips of 8 rows, [strip][k / 4][row][4], k rounded up to 64.
// What is missing to whole strips and chunks is zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt::gpu {

enum class matrix_kind : int32_t { f32, f16, bf16, q8_0, q4_0 };

constexpr int64_t chunk_weights = 32;
constexpr int64_t f32_section   = 64;

constexpr int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

struct matrix_shape {
    matrix_kind kind   = matrix_kind::f32;
    int64_t     n_out  = 0;
    int64_t     k      = 0;
    // Row i of the first half beside row i of the second, so that one thread gets both: SwiGLU's gate and value. Strips
    // then hold as many rows of either half as they have places for.
    bool        paired = false;

    constexpr int64_t rows_per_strip() const { return kind == matrix_kind::f32 ? 8 : 16; }

    constexpr int64_t n_strips() const {
        return paired ? (n_out / 2 + rows_per_strip() / 2 - 1) / (rows_per_strip() / 2)
                      : (n_out + rows_per_strip() - 1) / rows_per_strip();
    }

    constexpr int64_t n_chunks() const { return round_up(k, chunk_weights) / chunk_weights; }

    size_t quant_bytes() const;
    size_t scale_bytes() const;
};

// Row of the matrix at place `row` of strip `strip`; -1: none.
int64_t row_at(const matrix_shape & shape, int64_t strip, int64_t row);

// rows: the matrix in the model's form (rows of f32, f16, bf16, or ggml's blocks); quants and scales: quant_bytes() and
// scale_bytes() long. Packs strips [begin, end).
void pack_matrix(
    const matrix_shape & shape, const void * rows, int64_t begin, int64_t end, void * quants, void * scales);

}  // namespace kstt::gpu
