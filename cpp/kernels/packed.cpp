// Products with quantized weights. Compiled once per instruction set (cmake/kernels.cmake) and, unlike kernels.cpp,
// without contraction of products and sums: the integer sums are exact, the f32 sums run in one order, so every
// instruction set gives the same bits. Only C headers and static functions here, as in kernels.cpp.
#include "kernels/packed-weights.h"

#include "kernels/epilogue.h"
#include "kernels/isa.h"
#include "kernels/packed-block.h"
#include "kernels/simd.h"

namespace kstt {

namespace {

inline vf to_float(vi v) {
    return __builtin_convertvector(v, vf);
}

// f32 lanes of f16 scales, int32 lanes of bytes.
inline vf load_f16(const uint8_t * p) {
    uint16_t h[KSTT_LANES];
    memcpy(h, p, sizeof(h));
    return load(h, false);
}

inline vi load_widened(const uint8_t * p) {
#if defined(__AVX512F__)
    return (vi) _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128((const __m128i *) p));  // maskz: as in simd.h
#elif defined(__AVX2__)
    return (vi) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) p));
#else
    typedef uint8_t narrow __attribute__((vector_size(KSTT_LANES)));
    narrow          b;
    memcpy(&b, p, sizeof(b));
    return __builtin_convertvector(b, vi);
#endif
}

// q8_0 and q4_0: acc += sum * (scale of the weights * scale of the activations), block after block.
template <bool WIDE, int OFFSET, int V, int C>
inline void multiply_rows(const matmul_args &              a,
                          const row_vector *               w,
                          const activation_block * const * x,
                          vf (&acc)[V][C]) {
    for (int64_t b = 0; b < a.k / block_weights; b++) {
        vi sums[V][C];
        multiply_block<WIDE, OFFSET>(w, x, b, sums);
        for (int v = 0; v < V; v++) {
            const vf scale = load_f16(w[v].scales + (b * strip_rows + w[v].place) * 2);
            for (int c = 0; c < C; c++) {
                acc[v][c] += to_float(sums[v][c]) * (scale * splat(x[c][b].scale));
            }
        }
    }
}

// q4_k: acc = (acc + sum * (d * scale * scale of the activations)) - dmin * minimum * (sum of the activations). The
// products of d and scale, dmin and minimum have 17 bits: exact.
template <int V, int C>
inline void add_block(const vf * scale,
                      const vf * minimum,
                      const vi (&sums)[V][C],
                      const activation_block * const * x,
                      int64_t                          b,
                      vf (&acc)[V][C]) {
    for (int v = 0; v < V; v++) {
        for (int c = 0; c < C; c++) {
            acc[v][c] += to_float(sums[v][c]) * (scale[v] * splat(x[c][b].scale));
            acc[v][c] -= minimum[v] * splat(x[c][b].scaled_sum);
        }
    }
}

template <int V, int C>
inline void multiply_rows_q4_k(const matmul_args &              a,
                               const row_vector *               w,
                               const activation_block * const * x,
                               vf (&acc)[V][C]) {
    for (int64_t super = 0; super < a.k / 256; super++) {
        const uint8_t * scales[V];
        vf              d[V];
        vf              dmin[V];
        for (int v = 0; v < V; v++) {
            scales[v] = w[v].scales + super * 256;
            d[v]      = load_f16(scales[v] + w[v].place * 2);
            dmin[v]   = load_f16(scales[v] + 32 + w[v].place * 2);
        }
        for (int64_t pair = 0; pair < 4; pair++) {
            vf scale[2][V];
            vf minimum[2][V];
            for (int v = 0; v < V; v++) {
                const uint8_t * six = scales[v] + 64 + pair * 48 + w[v].place;
                const vi        s0  = load_widened(six);
                const vi        m0  = load_widened(six + 16);
                const vi        s1  = load_widened(six + 32);
                const vi        m1  = (s0 >> 6) | (m0 >> 6 << 2) | (s1 >> 6 << 4);
                scale[0][v]         = d[v] * to_float(s0 & 63);
                scale[1][v]         = d[v] * to_float(s1 & 63);
                minimum[0][v]       = dmin[v] * to_float(m0 & 63);
                minimum[1][v]       = dmin[v] * to_float(m1);
            }
            for (int64_t i = 0; i < 2; i++) {
                const int64_t b = super * 8 + pair * 2 + i;
                vi            sums[V][C];
                multiply_block<false, 0>(w, x, b, sums);
                add_block(scale[i], minimum[i], sums, x, b, acc);
            }
        }
    }
}

// Rows o .. o + V * lanes, o a multiple of lanes, and columns t .. t + C.
template <weight_kind KIND, int V, int C>
void tile(const matmul_args & a, int64_t o, int64_t t) {
    row_vector               w[V];
    const activation_block * x[C];
    vf                       acc[V][C];
    for (int c = 0; c < C; c++) {
        x[c] = a.x_blocks + (t + c) * (a.k / block_weights);
    }
    for (int v = 0; v < V; v++) {
        w[v] = rows_at(a, o + v * lanes);
        for (int c = 0; c < C; c++) {
            acc[v][c] = splat(0.0F);
        }
    }
    if (KIND == weight_kind::q8_0) {
        multiply_rows<true, offset_remains ? 128 : 0>(a, w, x, acc);
    } else if (KIND == weight_kind::q4_0) {
        multiply_rows<false, 8>(a, w, x, acc);
    } else {
        multiply_rows_q4_k(a, w, x, acc);
    }
    for (int c = 0; c < C; c++) {
        for (int v = 0; v < V; v++) {
            finish(a, o + v * lanes, t + c, acc[v][c]);
        }
    }
}

// All columns of V * lanes rows; the sums of max_columns fit the registers.
template <weight_kind KIND, int V>
void strip(const matmul_args & a, int64_t o) {
    enum { max_columns = KSTT_LANES == 16 ? 4 : 2 };
    int64_t t = a.t0;
    for (; t + max_columns <= a.t1; t += max_columns) {
        tile<KIND, V, max_columns>(a, o, t);
    }
    for (; t + 2 <= a.t1; t += 2) {
        tile<KIND, V, 2>(a, o, t);
    }
    for (; t < a.t1; t++) {
        tile<KIND, V, 1>(a, o, t);
    }
}

template <weight_kind KIND>
void matmul_kind(const matmul_args & a) {
    int64_t o = a.o0 / lanes * lanes;
    // One column is bound by reading w: strip after strip is one stream. More are bound by arithmetic, and two vectors
    // of rows use each broadcast activation twice.
#ifdef __wasm__
    // Nothing here can ask for w early, and the processors' own prefetching ends at every page of 4 KiB: of two strips
    // read line by line in turn, one arrives while the other is waited for.
    if (a.t1 - a.t0 == 1) {
        for (; o % strip_rows == 0 && o + 2 * strip_rows <= n_strips(a.o1) * strip_rows; o += 2 * strip_rows) {
            tile<KIND, 2 * strip_rows / lanes, 1>(a, o, a.t0);
        }
    }
    // A whole strip at once: every line of w is read once and in order.
    for (; o % strip_rows == 0 && o + strip_rows <= n_strips(a.o1) * strip_rows; o += strip_rows) {
        strip<KIND, strip_rows / lanes>(a, o);
    }
#endif
    if (a.t1 - a.t0 > 1 || lanes < strip_rows) {
        for (; o + 2 * lanes <= n_strips(a.o1) * strip_rows; o += 2 * lanes) {
            strip<KIND, 2>(a, o);
        }
    }
    for (; o < a.o1; o += lanes) {
        strip<KIND, 1>(a, o);
    }
}

}  // namespace

// Scales are the largest magnitude / 127. The magnitudes are compared as integers, where NaN is the largest, so that a
// NaN or infinity among the activations reaches the result.
void KSTT_JOIN(quantize_, KSTT_KERNEL_ISA)(weight_kind kind, const float * x, int64_t n, activation_block * blocks) {
    typedef int8_t narrow __attribute__((vector_size(KSTT_LANES)));
    const int      parts = block_weights / lanes;
    for (int64_t b = 0; b < n / block_weights; b++) {
        vf values[parts];
        vi largest = {};
        for (int i = 0; i < parts; i++) {
            values[i]          = load(x + b * block_weights + i * lanes);
            const vi magnitude = (vi) values[i] & 0x7fffffff;
            const vi is_larger = magnitude > largest;
            largest            = (magnitude & is_larger) | (largest & ~is_larger);
        }
        int32_t top = largest[0];
        for (int j = 1; j < lanes; j++) {
            top = largest[j] > top ? largest[j] : top;
        }
        float magnitude;
        memcpy(&magnitude, &top, sizeof(magnitude));
        // Below 1e-30 the quotient could overflow; such a block counts as zeros.
        const bool  is_zero = magnitude < 1.0e-30F;
        const float inverse = is_zero ? 0.0F : 127.0F / magnitude;
        blocks[b].scale     = is_zero ? 0.0F : magnitude / 127.0F;
        const vf magic      = splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to the nearest integer, ties to even
        vi       sum        = {};
        for (int i = 0; i < parts; i++) {
            const vi     rounded = (vi) (values[i] * splat(inverse) + magic) - (vi) magic;
            const narrow quants  = __builtin_convertvector(rounded, narrow);
            memcpy(blocks[b].quants + i * lanes, &quants, sizeof(quants));
            sum += rounded;
        }
        int32_t total = 0;
        for (int j = 0; j < lanes; j++) {
            total += sum[j];
        }
        blocks[b].sum        = total;
        blocks[b].scaled_sum = blocks[b].scale * static_cast<float>(total);
#ifdef __wasm__
        arrange_words(kind, blocks[b].quants, blocks[b].words);
#else
        (void) kind;
#endif
    }
}

void KSTT_JOIN(matmul_packed_, KSTT_KERNEL_ISA)(const matmul_args & a) {
    switch (a.kind) {
    case weight_kind::q8_0:
        return matmul_kind<weight_kind::q8_0>(a);
    case weight_kind::q4_0:
        return matmul_kind<weight_kind::q4_0>(a);
    case weight_kind::q4_k:
        return matmul_kind<weight_kind::q4_k>(a);
    default:
        return;
    }
}

}  // namespace kstt
