// A float vector as wide as the instruction set this file is compiled for, on GCC/Clang vector extensions.
// Included only by kernels.cpp: everything is static so that no two instruction sets share a symbol.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__F16C__)
#    include <immintrin.h>
#elif defined(__SSE2__)
#    include <emmintrin.h>
#elif defined(__wasm__)
#    include <wasm_simd128.h>
#endif

#if defined(__AVX512F__)
#    define KSTT_LANES 16
#elif defined(__AVX2__)
#    define KSTT_LANES 8
#else
#    define KSTT_LANES 4
#endif

// As an offset.
static const int64_t lanes = KSTT_LANES;

typedef float    vf __attribute__((vector_size(KSTT_LANES * 4)));
typedef int32_t  vi __attribute__((vector_size(KSTT_LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(KSTT_LANES * 4)));
typedef uint16_t vh __attribute__((vector_size(KSTT_LANES * 2)));

// As arithmetic, since compilers make one broadcast of it; lane by lane GCC 12 writes sixteen insertions. Subtracting
// +0 changes no value, -0 included.
static inline vf splat(float value) {
    const vf zero = {};
    return value - zero;
}

static inline vi splat(int32_t value) {
    const vi zero = {};
    return zero + value;
}

static inline vf load(const float * p) {
    vf v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store(float * p, vf v) {
    memcpy(p, &v, sizeof(v));
}

static inline vf load(const uint16_t * p, bool is_bf16) {
    vh h;
    memcpy(&h, p, sizeof(h));
    if (is_bf16) {
#if defined(__AVX512F__)
        const vu u = (vu) _mm512_maskz_cvtepu16_epi32(0xffff, (__m256i) h);  // GCC 12 makes much of convertvector here
#elif defined(__AVX2__)
        const vu u = (vu) _mm256_cvtepu16_epi32((__m128i) h);
#else
        const vu u = __builtin_convertvector(h, vu);
#endif
        return (vf) (u << 16);
    }
#if defined(__AVX512F__)
    return (vf) _mm512_maskz_cvtph_ps(0xffff, (__m256i) h);  // maskz: no undefined source for GCC to warn about
#elif defined(__F16C__)
    return (vf) _mm256_cvtph_ps((__m128i) h);
#elif defined(__wasm__)
    // As below with the sign already in place: lanes are widened as signed ones.
    const vi bits      = (vi) wasm_i32x4_load16x4(&h) << 13 & (int32_t) 0x8fffe000U;
    const vf magnitude = (vf) bits * splat(0x1p112F);
    const vi special   = ((bits & 0x0f800000) == 0x0f800000) & 0x7f800000;
    return (vf) ((vi) magnitude | special);
#else
    // Shift exponent and mantissa into place, then let a multiplication by 2^112 rebias (exact, subnormals too).
    const vu u         = __builtin_convertvector(h, vu);
    const vf magnitude = (vf) ((u & 0x7fffU) << 13) * splat(0x1p112F);
    const vu special   = (vu) ((u & 0x7c00U) == 0x7c00U) & 0x7f800000U;  // infinity, NaN
    return (vf) ((vu) magnitude | special | ((u & 0x8000U) << 16));
#endif
}

// a * b + c, in one rounding where the processor has an instruction for that and the compiler takes it. Only relaxed
// SIMD has it in WebAssembly, and no compiler makes it of a product and a sum.
static inline vf multiply_add(vf a, vf b, vf c) {
#if defined(__wasm_relaxed_simd__)
    return (vf) wasm_f32x4_relaxed_madd((v128_t) a, (v128_t) b, (v128_t) c);
#else
    return c + a * b;
#endif
}

// Sum of the lanes by halving: one order for every caller.
static inline float sum_lanes(vf v) {
    float lane[KSTT_LANES];
    memcpy(lane, &v, sizeof(v));
    for (int width = KSTT_LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            lane[i] += lane[i + width];
        }
    }
    return lane[0];
}

typedef float vf4 __attribute__((vector_size(16)));

// The four sums at once, each in the order of sum_lanes.
#if defined(__SSE2__)
static inline __m128 fold_to_four(vf v) {
#    if defined(__AVX512F__)
    __m256 low;  // copied, not cast: GCC 12 warns of its own cast
    memcpy(&low, &v, sizeof(low));
    const __m256 eight = low + _mm512_maskz_extractf32x8_ps(0xff, (__m512) v, 1);
    return _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
#    elif defined(__AVX2__)
    return _mm256_castps256_ps128((__m256) v) + _mm256_extractf128_ps((__m256) v, 1);
#    else
    return (__m128) v;
#    endif
}

static inline vf4 sum_lanes(vf v0, vf v1, vf v2, vf v3) {
    const __m128 a  = fold_to_four(v0);
    const __m128 b  = fold_to_four(v1);
    const __m128 c  = fold_to_four(v2);
    const __m128 d  = fold_to_four(v3);
    const __m128 ab = _mm_shuffle_ps(a, b, 0x44) + _mm_shuffle_ps(a, b, 0xee);
    const __m128 cd = _mm_shuffle_ps(c, d, 0x44) + _mm_shuffle_ps(c, d, 0xee);
    return (vf4) (_mm_shuffle_ps(ab, cd, 0x88) + _mm_shuffle_ps(ab, cd, 0xdd));
}
#elif defined(__wasm__)
static inline vf4 sum_lanes(vf v0, vf v1, vf v2, vf v3) {
    const vf ab = __builtin_shufflevector(v0, v1, 0, 1, 4, 5) + __builtin_shufflevector(v0, v1, 2, 3, 6, 7);
    const vf cd = __builtin_shufflevector(v2, v3, 0, 1, 4, 5) + __builtin_shufflevector(v2, v3, 2, 3, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}
#else
static inline vf4 sum_lanes(vf v0, vf v1, vf v2, vf v3) {
    const vf4 sums = { sum_lanes(v0), sum_lanes(v1), sum_lanes(v2), sum_lanes(v3) };
    return sums;
}
#endif

// The first n < KSTT_LANES values, then zeros.
static inline vf load_first(const float * p, int64_t n) {
#if defined(__AVX512F__)
    return (vf) _mm512_maskz_loadu_ps((__mmask16) ((1U << n) - 1), p);
#elif defined(__wasm__)
    // A copy of variable length would be a call.
    v128_t v = n == 1 ? wasm_v128_load32_zero(p) : n == 0 ? wasm_i32x4_const_splat(0) : wasm_v128_load64_zero(p);
    return (vf) (n == 3 ? wasm_v128_load32_lane(p + 2, v, 2) : v);
#else
    vf v = {};
    memcpy(&v, p, (size_t) n * sizeof(float));
    return v;
#endif
}

static inline vf load_first(const uint16_t * p, int64_t n, bool is_bf16) {
    uint16_t h[KSTT_LANES] = { 0 };
    memcpy(h, p, (size_t) n * sizeof(uint16_t));
    return load(h, is_bf16);
}

static inline float bf16_to_f32(uint16_t h) {
    const uint32_t u = (uint32_t) h << 16;
    float          f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline float f16_to_f32(uint16_t h) {
    const uint32_t shifted = (uint32_t) (h & 0x7fff) << 13;
    float          f;
    memcpy(&f, &shifted, sizeof(f));
    f *= 0x1p112F;
    uint32_t u;
    memcpy(&u, &f, sizeof(u));
    u |= ((h & 0x7c00) == 0x7c00 ? 0x7f800000U : 0U) | ((uint32_t) (h & 0x8000) << 16);
    memcpy(&f, &u, sizeof(f));
    return f;
}

// exp(x) - 1 and exp(x) share the reduction x = n ln2 + r, |r| <= ln2/2 (Cody and Waite's two-part ln2).
static inline vf reduce_exp(vf x, vi * n) {
    const vf magic   = splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer held in the low mantissa bits
    const vf shifted = x * splat(1.44269504F) + magic;
    const vf rounded = shifted - magic;
    *n               = (vi) shifted - (vi) magic;
    vf r             = x - rounded * splat(0.693359375F);
    return r - rounded * splat(-2.12194440e-4F);
}

// exp(r) - 1 for |r| <= ln2/2; Taylor to r^8: the next term is below 4e-10 of the result.
static inline vf expm1_small(vf r) {
    vf p = splat(1.0F / 40320.0F);
    p    = p * r + splat(1.0F / 5040.0F);
    p    = p * r + splat(1.0F / 720.0F);
    p    = p * r + splat(1.0F / 120.0F);
    p    = p * r + splat(1.0F / 24.0F);
    p    = p * r + splat(1.0F / 6.0F);
    p    = p * r + splat(0.5F);
    return p * r * r + r;
}

static inline vf pow2(vi n) {
    return (vf) ((n + 127) << 23);
}

// exp(x) for x <= 0; 0 below -87.
static inline vf exp_negative(vf x) {
    const vi tiny = x < splat(-87.0F);
    x             = (vf) (((vi) x & ~tiny) | ((vi) splat(-87.0F) & tiny));
    vi       n;
    const vf r      = reduce_exp(x, &n);
    const vf result = (expm1_small(r) + splat(1.0F)) * pow2(n);
    return (vf) ((vi) result & ~tiny);
}

static inline vf elu_lanes(vf x) {
    const vi positive = x > splat(0.0F);
    const vi low      = x < splat(-30.0F);  // -1 to the last bit from about -17 on
    vf       z        = (vf) ((vi) x & ~positive);
    z                 = (vf) (((vi) z & ~low) | ((vi) splat(-30.0F) & low));
    vi       n;
    const vf r     = reduce_exp(z, &n);
    const vf power = pow2(n);
    const vf e     = expm1_small(r) * power + (power - splat(1.0F));
    return (vf) (((vi) x & positive) | ((vi) e & ~positive));
}
