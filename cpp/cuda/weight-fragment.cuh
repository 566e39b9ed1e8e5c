// A warp's share of a packed matrix: 16 rows by 32 weights as operands of tensor core products.
#pragma once

#include "cuda/kernels.h"
#include "cuda/platform.cuh"

namespace kstt::gpu {

// Activations of one column, eight per lane, as bf16 halves: two products' worth of operands each.
struct activation_fragment {
    uint32_t high[4];
    uint32_t low[4];
};

KSTT_DEVICE activation_fragment split_activations(const float (&x)[8]) {
    activation_fragment result;
    KSTT_UNROLL
    for (int32_t i = 0; i < 4; i++) {
        const bf16_pair first  = split_float(x[2 * i]);
        const bf16_pair second = split_float(x[2 * i + 1]);
        result.high[i]         = first.high | (second.high << 16);
        result.low[i]          = first.low | (second.low << 16);
    }
    return result;
}

// c += a * (high + low) over the 32 weights.
KSTT_DEVICE void multiply_chunk(float (&c)[4], const uint32_t (&a)[2][4], const activation_fragment & x) {
    KSTT_UNROLL
    for (int32_t step = 0; step < 2; step++) {
        const uint32_t b[2] = { x.high[2 * step], x.high[2 * step + 1] };
        multiply_fragments(c, a[step], b);
    }
    KSTT_UNROLL
    for (int32_t step = 0; step < 2; step++) {
        const uint32_t b[2] = { x.low[2 * step], x.low[2 * step + 1] };
        multiply_fragments(c, a[step], b);
    }
}

// Two whole numbers as bf16, exact up to 256.
KSTT_DEVICE uint32_t pack_integers(int32_t first, int32_t second) {
    return (bits_of(static_cast<float>(first)) >> 16) | (bits_of(static_cast<float>(second)) & 0xffff0000U);
}

template <matrix_kind KIND>
struct weight_fragment;

template <>
struct weight_fragment<matrix_kind::bf16> {
    uint4 upper, lower;  // rows g and g + 8

    KSTT_DEVICE void load(const device_matrix & w, int64_t chunk, int32_t lane) {
        const uint4 * at = static_cast<const uint4 *>(w.quants) + chunk * 64 + lane;
        upper            = at[0];
        lower            = at[32];
    }

    KSTT_DEVICE void multiply(float (&c)[4], const activation_fragment & x) const {
        const uint32_t a[2][4] = { { upper.x, lower.x, upper.y, lower.y }, { upper.z, lower.z, upper.w, lower.w } };
        multiply_chunk(c, a, x);
    }
};

// An f16 is the sum of two bf16, exactly but for the smallest.
template <>
struct weight_fragment<matrix_kind::f16> {
    uint4 upper, lower;

    KSTT_DEVICE void load(const device_matrix & w, int64_t chunk, int32_t lane) {
        const uint4 * at = static_cast<const uint4 *>(w.quants) + chunk * 64 + lane;
        upper            = at[0];
        lower            = at[32];
    }

    KSTT_DEVICE static void split(uint32_t pair, uint32_t & high, uint32_t & low) {
        const bf16_pair first  = split_float(half_to_float(static_cast<uint16_t>(pair & 0xffffU)));
        const bf16_pair second = split_float(half_to_float(static_cast<uint16_t>(pair >> 16)));
        high                   = first.high | (second.high << 16);
        low                    = first.low | (second.low << 16);
    }

    KSTT_DEVICE void multiply(float (&c)[4], const activation_fragment & x) const {
        const uint32_t pairs[2][4] = { { upper.x, lower.x, upper.y, lower.y }, { upper.z, lower.z, upper.w, lower.w } };
        uint32_t       high[2][4];
        uint32_t       low[2][4];
        KSTT_UNROLL
        for (int32_t step = 0; step < 2; step++) {
            KSTT_UNROLL
            for (int32_t i = 0; i < 4; i++) {
                split(pairs[step][i], high[step][i], low[step][i]);
            }
        }
        multiply_chunk(c, high, x);
        multiply_chunk(c, low, x);
    }
};

// Quantized kinds: the products of whole numbers first, then the block's scale.
struct scaled_fragment {
    float scale_upper, scale_lower;

    KSTT_DEVICE void load_scales(const device_matrix & w, int64_t chunk, int32_t lane) {
        const uint16_t * at = w.scales + chunk * 16 + lane / 4;
        scale_upper         = half_to_float(at[0]);
        scale_lower         = half_to_float(at[8]);
    }

    KSTT_DEVICE void add(float (&c)[4], const uint32_t (&a)[2][4], const activation_fragment & x) const {
        float part[4] = { 0.0F, 0.0F, 0.0F, 0.0F };
        multiply_chunk(part, a, x);
        c[0] = fmaf(scale_upper, part[0], c[0]);
        c[1] = fmaf(scale_upper, part[1], c[1]);
        c[2] = fmaf(scale_lower, part[2], c[2]);
        c[3] = fmaf(scale_lower, part[3], c[3]);
    }
};

template <>
struct weight_fragment<matrix_kind::q8_0> : scaled_fragment {
    uint4 quants;  // row g: x, y; row g + 8: z, w

    KSTT_DEVICE void load(const device_matrix & w, int64_t chunk, int32_t lane) {
        quants = static_cast<const uint4 *>(w.quants)[chunk * 32 + lane];
        load_scales(w, chunk, lane);
    }

    KSTT_DEVICE static uint32_t pair(uint32_t bytes, int32_t first) {
        return pack_integers(static_cast<int8_t>(bytes >> (8 * first)), static_cast<int8_t>(bytes >> (8 * first + 8)));
    }

    KSTT_DEVICE void multiply(float (&c)[4], const activation_fragment & x) const {
        const uint32_t a[2][4] = { { pair(quants.x, 0), pair(quants.z, 0), pair(quants.x, 2), pair(quants.z, 2) },
                                   { pair(quants.y, 0), pair(quants.w, 0), pair(quants.y, 2), pair(quants.w, 2) } };
        add(c, a, x);
    }
};

template <>
struct weight_fragment<matrix_kind::q4_0> : scaled_fragment {
    uint2 quants;  // row g: x; row g + 8: y

    KSTT_DEVICE void load(const device_matrix & w, int64_t chunk, int32_t lane) {
        quants = static_cast<const uint2 *>(w.quants)[chunk * 32 + lane];
        load_scales(w, chunk, lane);
    }

    KSTT_DEVICE static uint32_t pair(uint32_t nibbles, int32_t byte) {
        const auto both = static_cast<int32_t>(nibbles >> (8 * byte));
        return pack_integers((both & 15) - 8, ((both >> 4) & 15) - 8);
    }

    KSTT_DEVICE void multiply(float (&c)[4], const activation_fragment & x) const {
        const uint32_t a[2][4] = { { pair(quants.x, 0), pair(quants.y, 0), pair(quants.x, 1), pair(quants.y, 1) },
                                   { pair(quants.x, 2), pair(quants.y, 2), pair(quants.x, 3), pair(quants.y, 3) } };
        add(c, a, x);
    }
};

// Sections of k that are summed in one chain each.
constexpr int32_t section_chunks = 8;

KSTT_DEVICE int32_t n_sections(int32_t n_chunks) {
    return (n_chunks + section_chunks - 1) / section_chunks;
}

KSTT_DEVICE float silu(float x) {
    return x / (1.0F + expf(-x));
}

// The sum of the squares of a strip's 16 values, in the order of a butterfly over rows g with g + 8 beside each.
// `value` gives row i.
template <typename F>
KSTT_DEVICE float sum_of_squares(const F & value) {
    float pairs[8];
    KSTT_UNROLL
    for (int32_t g = 0; g < 8; g++) {
        pairs[g] = fmaf(value(g + 8), value(g + 8), value(g) * value(g));
    }
    return ((pairs[0] + pairs[1]) + (pairs[2] + pairs[3])) + ((pairs[4] + pairs[5]) + (pairs[6] + pairs[7]));
}

// Factor of RMSNorm for one column; a warp asks together.
KSTT_DEVICE float norm_factor(const float * sums, int32_t n_strips, int32_t k, float eps) {
    float sum = 0.0F;
    for (int32_t i = lane_index(); i < n_strips; i += 32) {
        sum += sums[i];
    }
    return 1.0F / sqrtf(sum_lanes(sum) / static_cast<float>(k) + eps);
}

}  // namespace kstt::gpu
