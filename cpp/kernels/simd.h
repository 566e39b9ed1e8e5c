// A float vector as wide as the instruction set this file is compiled for, on GCC/Clang vector extensions.
// Included only by kernels.cpp: everything is static so that no two instruction sets share a symbol.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__F16C__)
#    include <immintrin.h>
#elif defined(__SSE2__)
#    include <emmintrin.h>
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
        return (vf) (__builtin_convertvector(h, vu) << 16);
    }
#if defined(__AVX512F__)
    return (vf) _mm512_maskz_cvtph_ps(0xffff, (__m256i) h);  // maskz: no undefined source for GCC to warn about
#elif defined(__F16C__)
    return (vf) _mm256_cvtph_ps((__m128i) h);
#else
    // Shift exponent and mantissa into place, then let a multiplication by 2^112 rebias (exact, subnormals too).
    const vu u         = __builtin_convertvector(h, vu);
    const vf magnitude = (vf) ((u & 0x7fffU) << 13) * splat(0x1p112F);
    const vu special   = (vu) ((u & 0x7c00U) == 0x7c00U) & 0x7f800000U;  // infinity, NaN
    return (vf) ((vu) magnitude | special | ((u & 0x8000U) << 16));
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
