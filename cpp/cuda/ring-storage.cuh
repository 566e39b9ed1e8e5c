// How a ring keeps numbers. A lane reads eight at a time.
#pragma once

#include "cuda/kernels.h"
#include "cuda/platform.cuh"

namespace kstt::gpu {

template <ring_kind KIND>
struct ring_storage;

template <>
struct ring_storage<ring_kind::f32> {
    KSTT_DEVICE static void read(const ring_memory & ring, int64_t element, float (&out)[8]) {
        const auto * at = reinterpret_cast<const float4 *>(static_cast<const float *>(ring.values) + element);
        const float4 a  = at[0];
        const float4 b  = at[1];
        out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
        out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
    }

    // The number as the ring would give it back. A warp has 32 neighbours.
    KSTT_DEVICE static float round(float value) { return value; }

    KSTT_DEVICE static void write(const ring_memory & ring, int64_t element, float value) {
        static_cast<float *>(ring.values)[element] = value;
    }
};

template <>
struct ring_storage<ring_kind::f16> {
    KSTT_DEVICE static void read(const ring_memory & ring, int64_t element, float (&out)[8]) {
        const uint4    eight = *reinterpret_cast<const uint4 *>(static_cast<const uint16_t *>(ring.values) + element);
        const uint32_t pairs[4] = { eight.x, eight.y, eight.z, eight.w };
        KSTT_UNROLL
        for (int32_t i = 0; i < 4; i++) {
            out[2 * i]     = half_to_float(static_cast<uint16_t>(pairs[i] & 0xffffU));
            out[2 * i + 1] = half_to_float(static_cast<uint16_t>(pairs[i] >> 16));
        }
    }

    KSTT_DEVICE static float round(float value) { return half_to_float(float_to_half(value)); }

    KSTT_DEVICE static void write(const ring_memory & ring, int64_t element, float value) {
        static_cast<uint16_t *>(ring.values)[element] = float_to_half(value);
    }
};

// 32 neighbours share a scale: the largest of them becomes 127.
template <>
struct ring_storage<ring_kind::q8> {
    KSTT_DEVICE static void read(const ring_memory & ring, int64_t element, float (&out)[8]) {
        const float    scale    = ring.scales[element / 32];
        const uint2    eight    = *reinterpret_cast<const uint2 *>(static_cast<const int8_t *>(ring.values) + element);
        const uint32_t quads[2] = { eight.x, eight.y };
        KSTT_UNROLL
        for (int32_t i = 0; i < 8; i++) {
            out[i] = static_cast<float>(static_cast<int8_t>(quads[i / 4] >> (i % 4 * 8))) * scale;
        }
    }

    KSTT_DEVICE static float scale_of(float value) {
        float largest = fabsf(value);
        KSTT_UNROLL
        for (int32_t width = 16; width > 0; width /= 2) {
            largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, width));
        }
        return largest / 127.0F;
    }

    KSTT_DEVICE static float round(float value) {
        const float scale = scale_of(value);
        return scale > 0.0F ? rintf(value / scale) * scale : 0.0F;
    }

    KSTT_DEVICE static void write(const ring_memory & ring, int64_t element, float value) {
        const float scale = scale_of(value);
        static_cast<int8_t *>(ring.values)[element] =
            static_cast<int8_t>(scale > 0.0F ? static_cast<int32_t>(rintf(value / scale)) : 0);
        if (element % 32 == 0) {
            ring.scales[element / 32] = scale;
        }
    }
};

}  // namespace kstt::gpu
