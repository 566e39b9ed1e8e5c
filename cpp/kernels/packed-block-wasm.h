// The integer products of one block of packed weights in WebAssembly, whose SIMD multiplies 16-bit lanes and adds pairs
// of products, and knows no product of bytes. Included only through packed-block.h.
//
// Four bytes of a row are two 16-bit lanes, and a pair of products is summed in the row's own 32-bit lane. What has to
// be unpacked are hence not bytes but every second byte, or every fourth half of a byte, and one mask does that; the
// activations lie ready as pairs that fit (arrange_words). Parts of a lane that are masked out where they stand are too
// large by a power of two, and the activations that belong to them are too large by what is missing to 256.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd.h"

#include <wasm_simd128.h>

namespace kstt {

namespace {

const bool offset_remains = true;

typedef uint16_t vw __attribute__((vector_size(16)));

inline vw load_lanes(const uint8_t * p) {
    vw v;
    memcpy(&v, p, sizeof(v));
    return v;
}

inline v128_t splat_pair(const int16_t * p) {
    return wasm_v128_load32_splat(p);
}

inline vi dot_pairs(vw w, v128_t x) {
    return (vi) wasm_i32x4_dot_i16x8((v128_t) w, x);
}

// q8_0, of weights 4g .. 4g + 3: the even ones, then the odd ones. Others, of byte 4g .. 4g + 3 of ggml's 16: even low
// halves, even high halves, odd low halves, odd high halves.
inline void arrange_words(weight_kind kind, const int8_t * quants, int16_t * words) {
    if (kind == weight_kind::q8_0) {
        for (int g = 0; g < 8; g++) {
            for (int i = 0; i < 4; i++) {
                words[4 * g + i] = quants[4 * g + i / 2 + i % 2 * 2];
            }
        }
        return;
    }
    for (int g = 0; g < 4; g++) {
        const int8_t * low  = quants + 4 * g;
        const int8_t * high = low + 16;
        int16_t *      out  = words + 8 * g;
        for (int i = 0; i < 2; i++) {
            out[i]     = static_cast<int16_t>(low[2 * i] * 256);
            out[2 + i] = static_cast<int16_t>(high[2 * i] * 16);
            out[4 + i] = low[2 * i + 1];
            out[6 + i] = static_cast<int16_t>(high[2 * i + 1] * 256);
        }
    }
}

// The weights of V row vectors, group after group of a block. Vectors that make whole strips (callers then
// start at a strip's first row) lie side by side and have one address for each strip: the rest are constants, which
// cost no instruction.
template <int V>
class weight_cursor {
  public:
    weight_cursor(const row_vector * w, int64_t offset) {
        for (int i = 0; i < addresses; i++) {
            at_[i] = w[i * per_address].quants + offset;
        }
    }

    vw load(int v) const { return load_lanes(at_[v / per_address] + v % per_address * (lanes * 4)); }

    void advance() {
        for (int i = 0; i < addresses; i++) {
            at_[i] += strip_rows * 4;
        }
    }

  private:
    enum { whole = strip_rows / lanes, per_address = V % whole == 0 ? whole : 1, addresses = V / per_address };
    const uint8_t * at_[addresses];
};

// The loops over groups stay loops: unrolled, LLVM moves all loads of a block to its start, and V8 has to spill them.

// Weights are byte - OFFSET.
template <int OFFSET, int V, int C>
inline void multiply_bytes(const row_vector * w, const activation_block * const * x, int64_t b, vi (&sums)[V][C]) {
    weight_cursor<V> weights(w, b * 8 * strip_rows * 4);
    const int16_t *  words[C];
    for (int c = 0; c < C; c++) {
        words[c] = x[c][b].words;
        for (int v = 0; v < V; v++) {
            sums[v][c] = splat(-OFFSET * x[c][b].sum);
        }
    }
#pragma clang loop unroll(disable)
    for (int g = 0; g < 8; g++) {
        v128_t even[C];
        v128_t odd[C];
        for (int c = 0; c < C; c++) {
            even[c] = splat_pair(words[c]);
            odd[c]  = splat_pair(words[c] + 2);
            words[c] += 4;
        }
        for (int v = 0; v < V; v++) {
            const vw bytes = weights.load(v);
            for (int c = 0; c < C; c++) {
                sums[v][c] += dot_pairs(bytes & 0xff, even[c]);
                sums[v][c] += dot_pairs(bytes >> 8, odd[c]);
            }
        }
        weights.advance();
    }
}

#ifdef __wasm_relaxed_simd__

// The second factor has 7 bits, so every processor gives the same.
template <int OFFSET, int V, int C>
inline void multiply_halves(const row_vector * w, const activation_block * const * x, int64_t b, vi (&sums)[V][C]) {
    weight_cursor<V> weights(w, b * 4 * strip_rows * 4);
    const int8_t *   quants[C];
    v128_t           acc[V][C];
    for (int c = 0; c < C; c++) {
        quants[c] = x[c][b].quants;
        for (int v = 0; v < V; v++) {
            acc[v][c] = (v128_t) splat(-OFFSET * x[c][b].sum);
        }
    }
#    pragma clang loop unroll(disable)
    for (int g = 0; g < 4; g++) {
        v128_t low[C];
        v128_t high[C];
        for (int c = 0; c < C; c++) {
            low[c]  = wasm_v128_load32_splat(quants[c]);
            high[c] = wasm_v128_load32_splat(quants[c] + 16);
            quants[c] += 4;
        }
        for (int v = 0; v < V; v++) {
            const vw bytes = weights.load(v);
            for (int c = 0; c < C; c++) {
                acc[v][c] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(low[c], (v128_t) (bytes & 0x0f0f), acc[v][c]);
                acc[v][c] =
                    wasm_i32x4_relaxed_dot_i8x16_i7x16_add(high[c], (v128_t) ((bytes >> 4) & 0x0f0f), acc[v][c]);
            }
        }
        weights.advance();
    }
    for (int c = 0; c < C; c++) {
        for (int v = 0; v < V; v++) {
            sums[v][c] = (vi) acc[v][c];
        }
    }
}

#else

// 256 times the sums, at most 32 * 15 * 127 * 256 in size, and brought down exactly.
template <int OFFSET, int V, int C>
inline void multiply_halves(const row_vector * w, const activation_block * const * x, int64_t b, vi (&sums)[V][C]) {
    weight_cursor<V> weights(w, b * 4 * strip_rows * 4);
    const int16_t *  words[C];
    for (int c = 0; c < C; c++) {
        words[c] = x[c][b].words;
        for (int v = 0; v < V; v++) {
            sums[v][c] = splat(-OFFSET * 256 * x[c][b].sum);
        }
    }
#    pragma clang loop unroll(disable)
    for (int g = 0; g < 4; g++) {
        v128_t pairs[4][C];
        for (int c = 0; c < C; c++) {
            for (int i = 0; i < 4; i++) {
                pairs[i][c] = splat_pair(words[c] + 2 * i);
            }
            words[c] += 8;
        }
        for (int v = 0; v < V; v++) {
            const vw bytes = weights.load(v);
            for (int c = 0; c < C; c++) {
                sums[v][c] += dot_pairs(bytes & 0x000f, pairs[0][c]);
                sums[v][c] += dot_pairs(bytes & 0x00f0, pairs[1][c]);
                sums[v][c] += dot_pairs(bytes & 0x0f00, pairs[2][c]);
                sums[v][c] += dot_pairs(bytes >> 12, pairs[3][c]);
            }
        }
        weights.advance();
    }
    for (int c = 0; c < C; c++) {
        for (int v = 0; v < V; v++) {
            sums[v][c] >>= 8;
        }
    }
}

#endif

// One block of 32 weights of V * lanes rows with C columns. OFFSET: what the stored weights are too large by.
template <bool WIDE, int OFFSET, int V, int C>
inline void multiply_block(const row_vector * w, const activation_block * const * x, int64_t b, vi (&sums)[V][C]) {
    if constexpr (WIDE) {
        multiply_bytes<OFFSET>(w, x, b, sums);
    } else {
        multiply_halves<OFFSET>(w, x, b, sums);
    }
}

}  // namespace

}  // namespace kstt
