// The product behind every linear layer and convolution. Included only through kernels.cpp.
#pragma once

#include "kernels/epilogue.h"
#include "kernels/kernels.h"
#include "kernels/weight-reader.h"

namespace kstt {

namespace {

// R rows of w, `spread` apart, against C columns of x: R * C accumulators, each over the whole of k.
template <weight_kind KIND, int R, int C>
void tile(const matmul_args & a, int64_t o, int64_t t, int64_t spread = 1) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    const int64_t                 k = a.k;
    const element *               w[R];
    const float *                 x[C];
    vf                            acc[R][C];
    for (int r = 0; r < R; r++) {
        w[r] = static_cast<const element *>(a.w) + (o + r * spread) * k;
        for (int c = 0; c < C; c++) {
            acc[r][c] = splat(0.0F);
        }
    }
    for (int c = 0; c < C; c++) {
        x[c] = a.x + (t + c) / a.group * a.group_stride + (t + c) % a.group * a.x_stride;
    }
    int64_t i = 0;
    for (; i + lanes <= k; i += lanes) {
        vf xv[C];
        for (int c = 0; c < C; c++) {
            xv[c] = load(x[c] + i);
        }
        for (int r = 0; r < R; r++) {
            const vf wv = reader::vector(w[r] + i);
            for (int c = 0; c < C; c++) {
                acc[r][c] = multiply_add(wv, xv[c], acc[r][c]);
            }
        }
    }
    if (i < k) {
        vf xv[C];
        for (int c = 0; c < C; c++) {
            xv[c] = load_first(x[c] + i, k - i);
        }
        for (int r = 0; r < R; r++) {
            const vf wv = reader::first(w[r] + i, k - i);
            for (int c = 0; c < C; c++) {
                acc[r][c] = multiply_add(wv, xv[c], acc[r][c]);
            }
        }
    }
    int r = 0;
    for (; spread == 1 && r + 4 <= R; r += 4) {
        for (int c = 0; c < C; c++) {
            finish_vector(a, o + r, t + c, sum_lanes(acc[r][c], acc[r + 1][c], acc[r + 2][c], acc[r + 3][c]));
        }
    }
    for (; r < R; r++) {
        for (int c = 0; c < C; c++) {
            finish(a, o + r * spread, t + c, sum_lanes(acc[r][c]));
        }
    }
}

// Columns of one strip of R rows. C is sized so that the accumulators fit the registers.
template <weight_kind KIND, int R, int C>
void strip(const matmul_args & a, int64_t o, int64_t t0, int64_t t1) {
    int64_t t = t0;
    for (; t + C <= t1; t += C) {
        tile<KIND, R, C>(a, o, t);
    }
    for (; C > 4 && t + 4 <= t1; t += 4) {
        tile<KIND, R, 4>(a, o, t);
    }
    for (; t + 2 <= t1; t += 2) {
        tile<KIND, R, 2>(a, o, t);
    }
    for (; t < t1; t++) {
        tile<KIND, R, 1>(a, o, t);
    }
}

// Weights beyond this size do not stay in the second-level cache from one step to the next.
const int64_t cached_bytes = 1 << 20;

#ifdef __wasm__
// Few columns are bound by reading w, which nothing but the processor's own prefetching speeds up here: four streams,
// each in pages of its own, are read faster than one, and hide the latency of the additions. Returns the first row that
// is left.
template <weight_kind KIND>
int64_t matmul_streams(const matmul_args & a) {
    const int64_t columns = a.t1 - a.t0;
    const int64_t spread  = (a.o1 - a.o0) / 4;
    for (int64_t o = a.o0; o < a.o0 + spread; o++) {
        if (columns == 1) {
            tile<KIND, 4, 1>(a, o, a.t0, spread);
        } else {
            tile<KIND, 4, 2>(a, o, a.t0, spread);
        }
    }
    return a.o0 + 4 * spread;
}
#endif

template <weight_kind KIND>
void matmul_kind(const matmul_args & a) {
    typedef typename weight_reader<KIND>::type element;
#if KSTT_LANES == 16
    enum { rows = 4, columns = 6 };
#else
    enum { rows = 4, columns = 2 };
#endif
    // Keep the columns of one pass in the second-level cache: 256 KiB of x.
    const int64_t per_column = a.x_stride > 0 ? a.x_stride * 4 : a.k * 4;
    int64_t       block      = 262144 / per_column;
    block                    = block < 4 * columns ? 4 * columns : block / columns * columns;
    for (int64_t t0 = a.t0; t0 < a.t1; t0 += block) {
        const int64_t t1 = t0 + block < a.t1 ? t0 + block : a.t1;
        int64_t       o  = a.o0;
#ifdef __wasm__
        if (a.t1 - a.t0 <= 2 && a.n_out * a.k * static_cast<int64_t>(sizeof(element)) >= cached_bytes) {
            o = matmul_streams<KIND>(a);
        }
#endif
        if (t1 - t0 == 1) {
            // One column is bound by reading w. From memory, row after row is one stream, which is read fastest (35
            // against 26 GB/s on two Zen 4 cores); from a cache, eight rows at once hide the latency of the additions.
            if (a.n_out * a.k * static_cast<int64_t>(sizeof(element)) > cached_bytes) {
                for (; o < a.o1; o++) {
                    tile<KIND, 1, 1>(a, o, t0);
                }
            }
            for (; o + 8 <= a.o1; o += 8) {
                tile<KIND, 8, 1>(a, o, t0);
            }
        }
        for (; o + rows <= a.o1; o += rows) {
            strip<KIND, rows, columns>(a, o, t0, t1);
        }
        for (; o < a.o1; o++) {
            strip<KIND, 1, columns>(a, o, t0, t1);
        }
    }
}

void matmul(const matmul_args & a) {
    switch (a.kind) {
    case weight_kind::f32:
        return matmul_kind<weight_kind::f32>(a);
    case weight_kind::f16:
        return matmul_kind<weight_kind::f16>(a);
    case weight_kind::bf16:
        return matmul_kind<weight_kind::bf16>(a);
    default:  // packed kinds have a function of their own
        return;
    }
}

}  // namespace

}  // namespace kstt
