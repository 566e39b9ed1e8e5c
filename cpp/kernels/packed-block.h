// Rows of packed weights, and the integer products of one block of them. Included only through packed.cpp.
#pragma once

#include "kernels/packed-weights.h"
#include "kernels/simd.h"

#ifndef __wasm__
#    include "kernels/packed-dot.h"
#endif

namespace kstt {

namespace {

// `lanes` rows of one strip.
struct row_vector {
    const uint8_t * scales;  // of the strip, at these rows' place among those of 16 bits
    const uint8_t * quants;
    int64_t         place;  // of the first row in the strip
};

inline row_vector rows_at(const matmul_args & a, int64_t o) {
    const strip_layout layout = layout_of(a.kind, a.k);
    const uint8_t *    strip  = static_cast<const uint8_t *>(a.w) + o / strip_rows * layout.bytes(a.k);
    const int64_t      place  = o % strip_rows;
    return { strip, strip + layout.scales + place * 4, place };
}

}  // namespace

}  // namespace kstt

#ifdef __wasm__
#    include "kernels/packed-block-wasm.h"
#else

namespace kstt {

namespace {

// Few columns wait for memory, and the processors' own prefetching ends at every page of 4 KiB. Asked for this far
// ahead, weights arrive 1.7 times as fast on two Zen 5 cores (bench/README.md).
const int64_t prefetch_bytes = 4096;

// One block of 32 weights of V * lanes rows with C columns. OFFSET: what the stored weights are too large by.
template <bool WIDE, int OFFSET, int V, int C>
inline void multiply_block(const row_vector * w, const activation_block * const * x, int64_t b, vi (&sums)[V][C]) {
    const int64_t line = strip_rows * 4;
    dots<WIDE>    d[V][C];
    for (int c = 0; c < C; c++) {
        const vi start = OFFSET != 0 ? splat(-OFFSET * x[c][b].sum) : vi{};
        for (int v = 0; v < V; v++) {
            d[v][c].start(start);
        }
    }
    if (WIDE) {
#    pragma GCC unroll 8
        for (int64_t g = 0; g < 8; g++) {
            for (int v = 0; v < V; v++) {
                __builtin_prefetch(w[v].quants + (b * 8 + g) * line + prefetch_bytes);
            }
            for (int c = 0; c < C; c++) {
                const column_group column(x[c][b].quants + g * 4);
                for (int v = 0; v < V; v++) {
                    d[v][c].add(weight_group<WIDE>(load_bytes(w[v].quants + (b * 8 + g) * line)), column);
                }
            }
        }
    } else {
#    pragma GCC unroll 4
        for (int64_t g = 0; g < 4; g++) {
            vb bytes[V];
            for (int v = 0; v < V; v++) {
                __builtin_prefetch(w[v].quants + (b * 4 + g) * line + prefetch_bytes);
            }
            for (int v = 0; v < V; v++) {
                bytes[v] = load_bytes(w[v].quants + (b * 4 + g) * line);
            }
            for (int half = 0; half < 2; half++) {
                for (int c = 0; c < C; c++) {
                    const column_group column(x[c][b].quants + int64_t{ half } * 16 + int64_t{ g } * 4);
                    for (int v = 0; v < V; v++) {
                        d[v][c].add(weight_group<WIDE>(half == 0 ? low_halves(bytes[v]) : high_halves(bytes[v])),
                                    column);
                    }
                }
            }
        }
    }
    for (int v = 0; v < V; v++) {
        for (int c = 0; c < C; c++) {
            sums[v][c] = d[v][c].total();
        }
    }
}

}  // namespace

}  // namespace kstt

#endif
