// Integer products of packed weights with quantized activations: exact, so each instruction set may go its own way.
// Included only through packed.cpp.
//
// A group is four consecutive weights of each of `lanes` rows, as they lie in a strip. WIDE: bytes that stand for
// byte - 128 (q8_0); otherwise 0..15. dots<WIDE>::total() is the sum of weight * activation, with byte - 128 taken into
// account unless `offset_remains`: then the caller subtracts 128 times the sum of the activations.
#pragma once

#include "kernels/simd.h"

namespace kstt {

namespace {

typedef uint8_t vb __attribute__((vector_size(KSTT_LANES * 4)));

inline vb load_bytes(const uint8_t * p) {
    vb v;
    memcpy(&v, p, sizeof(v));
    return v;
}

inline vb low_halves(vb v) {
    return v & 15;
}

// Shifted as 32-bit lanes: no processor shifts bytes.
inline vb high_halves(vb v) {
    return (vb) ((vu) v >> 4) & 15;
}

inline int32_t load_group(const int8_t * p) {
    int32_t group;
    memcpy(&group, p, sizeof(group));
    return group;
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

const bool offset_remains = true;

template <bool WIDE>
struct weight_group {
    vb w;

    explicit weight_group(vb bytes) : w(bytes) {}
};

struct column_group {
    vi x;

    explicit column_group(const int8_t * p) : x(splat(load_group(p))) {}
};

template <bool WIDE>
struct dots {
    vi acc;

    void start(vi from) { acc = from; }

    void add(const weight_group<WIDE> & w, const column_group & x) {
#    if defined(__AVX512VNNI__)
        acc = (vi) _mm512_dpbusd_epi32((__m512i) acc, (__m512i) w.w, (__m512i) x.x);
#    else
        acc = (vi) _mm256_dpbusd_avx_epi32((__m256i) acc, (__m256i) w.w, (__m256i) x.x);
#    endif
    }

    vi total() const { return acc; }
};

#elif defined(__AVX2__)

const bool offset_remains = false;

// maddubs adds two products in 16 bits: 2 * 127 * 128 at most with the signs moved to the activations.
template <bool WIDE>
struct weight_group;

#    if defined(__AVX512BW__)

typedef __m512i   register_type;
typedef __mmask64 sign_type;

inline register_type multiply_pairs(register_type u, register_type s) {
    return _mm512_maddubs_epi16(u, s);
}

inline register_type add_pairs(register_type pairs) {
    return _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

inline register_type magnitude(register_type w) {
    return _mm512_abs_epi8(w);
}

inline sign_type signs(register_type w) {
    return _mm512_movepi8_mask(w);
}

inline register_type apply_signs(register_type x, sign_type negative) {
    return _mm512_mask_sub_epi8(x, negative, _mm512_setzero_si512(), x);
}

#    else

typedef __m256i register_type;
typedef __m256i sign_type;

inline register_type multiply_pairs(register_type u, register_type s) {
    return _mm256_maddubs_epi16(u, s);
}

inline register_type add_pairs(register_type pairs) {
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

inline register_type magnitude(register_type w) {
    return _mm256_abs_epi8(w);
}

inline sign_type signs(register_type w) {
    return w;
}

inline register_type apply_signs(register_type x, sign_type w) {
    return _mm256_sign_epi8(x, w);
}

#    endif

template <>
struct weight_group<true> {
    register_type size;
    sign_type     sign;

    explicit weight_group(vb bytes) {
        const register_type w = (register_type) (bytes ^ 0x80);
        size                  = magnitude(w);
        sign                  = signs(w);
    }
};

template <>
struct weight_group<false> {
    register_type w;

    explicit weight_group(vb bytes) : w((register_type) bytes) {}
};

struct column_group {
    register_type x;

    explicit column_group(const int8_t * p) { x = (register_type) splat(load_group(p)); }
};

template <bool WIDE>
struct dots;

template <>
struct dots<true> {
    vi acc;

    void start(vi from) { acc = from; }

    void add(const weight_group<true> & w, const column_group & x) {
        acc += (vi) add_pairs(multiply_pairs(w.size, apply_signs(x.x, w.sign)));
    }

    vi total() const { return acc; }
};

// Eight groups of a block stay below 8 * 2 * 15 * 127 = 30480: summed in 16 bits.
template <>
struct dots<false> {
    typedef int16_t vs __attribute__((vector_size(KSTT_LANES * 4)));
    vi              first;
    vs              acc;

    void start(vi from) {
        first = from;
        acc   = vs{};
    }

    void add(const weight_group<false> & w, const column_group & x) { acc += (vs) multiply_pairs(w.w, x.x); }

    vi total() const { return first + (vi) add_pairs((register_type) acc); }
};

#elif defined(__SSE2__)

const bool offset_remains = false;

// Two rows per register of 16-bit weights.
template <bool WIDE>
struct weight_group {
    __m128i w[2];

    explicit weight_group(vb bytes) {
        if (WIDE) {
            const __m128i b = (__m128i) (bytes ^ 0x80);
            w[0]            = _mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8);
            w[1]            = _mm_srai_epi16(_mm_unpackhi_epi8(b, b), 8);
        } else {
            w[0] = _mm_unpacklo_epi8((__m128i) bytes, _mm_setzero_si128());
            w[1] = _mm_unpackhi_epi8((__m128i) bytes, _mm_setzero_si128());
        }
    }
};

struct column_group {
    __m128i x;

    explicit column_group(const int8_t * p) {
        const __m128i b = _mm_set1_epi32(load_group(p));
        x               = _mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8);
    }
};

template <bool WIDE>
struct dots {
    vi      first;
    __m128i acc[2];

    void start(vi from) {
        first  = from;
        acc[0] = _mm_setzero_si128();
        acc[1] = _mm_setzero_si128();
    }

    void add(const weight_group<WIDE> & w, const column_group & x) {
        acc[0] = _mm_add_epi32(acc[0], _mm_madd_epi16(w.w[0], x.x));
        acc[1] = _mm_add_epi32(acc[1], _mm_madd_epi16(w.w[1], x.x));
    }

    vi total() const {
        const __m128 a    = _mm_castsi128_ps(acc[0]);
        const __m128 b    = _mm_castsi128_ps(acc[1]);
        const vi     even = (vi) _mm_castps_si128(_mm_shuffle_ps(a, b, 0x88));
        const vi     odd  = (vi) _mm_castps_si128(_mm_shuffle_ps(a, b, 0xdd));
        return first + even + odd;
    }
};

#else

const bool offset_remains = true;

template <bool WIDE>
struct weight_group {
    vi w[4];

    explicit weight_group(vb bytes) {
        for (int i = 0; i < 4; i++) {
            w[i] = (vi) (((vu) bytes >> (8 * i)) & 255U);  // little endian, as every target of ours
        }
    }
};

struct column_group {
    const int8_t * x;

    explicit column_group(const int8_t * p) : x(p) {}
};

template <bool WIDE>
struct dots {
    vi acc;

    void start(vi from) { acc = from; }

    void add(const weight_group<WIDE> & w, const column_group & x) {
        for (int i = 0; i < 4; i++) {
            acc += w.w[i] * static_cast<int32_t>(x.x[i]);
        }
    }

    vi total() const { return acc; }
};

#endif

}  // namespace

}  // namespace kstt
