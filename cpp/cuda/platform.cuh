// What the kernels are written against: CUDA, or test/cuda/emulation, which runs them on the host thread by thread.
//
// Sources are compiled without contraction of products and sums (-fmad=false, -ffp-contract=off): where two kernels
// promise the same bits, what is fused is written as fmaf.
#pragma once

#include "cuda/device-api.h"

#include <cstdint>

#ifdef KSTT_CUDA_EMULATION
#    include "emulation/device-functions.h"
#else
#    include <cuda_fp16.h>
#    include <cuda_runtime.h>

#    define KSTT_KERNEL                      __global__ void
#    define KSTT_DEVICE                      __device__ __forceinline__
#    define KSTT_UNROLL                      _Pragma("unroll")
#    define KSTT_UNROLL_BY_4                 _Pragma("unroll 4")
#    define KSTT_BOUNDS(n_threads, n_blocks) __launch_bounds__(n_threads, n_blocks)

namespace kstt::gpu {

// The block's shared memory, as much as the launch asked for.
KSTT_DEVICE char * block_memory() {
    extern __shared__ __align__(128) char memory[];
    return memory;
}

KSTT_DEVICE float half_to_float(uint16_t bits) {
    return __half2float(__ushort_as_half(bits));
}

KSTT_DEVICE uint16_t float_to_half(float value) {
    return __half_as_ushort(__float2half_rn(value));
}

KSTT_DEVICE uint32_t bits_of(float value) {
    return __float_as_uint(value);
}

KSTT_DEVICE float float_of(uint32_t bits) {
    return __uint_as_float(bits);
}

// c += a * b; fragments as PTX has them for mma.m16n8k16, bf16 inputs, f32 sums.
KSTT_DEVICE void multiply_fragments(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// 16 bytes from global into shared memory; wait_copies<n> waits until at most the last n committed groups are under
// way.
KSTT_DEVICE void copy_to_shared(void * shared, const void * global) {
    const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(global) : "memory");
}

KSTT_DEVICE void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int N>
KSTT_DEVICE void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Reads past the first-level cache: another block may have written it during this launch.
KSTT_DEVICE float load_shared_result(const float * at) {
    return __ldcg(at);
}

KSTT_DEVICE int32_t load_shared_result(const int32_t * at) {
    return __ldcg(at);
}

// Returns when *counter has reached `target`; other blocks count it up.
KSTT_DEVICE void wait_for_count(const uint32_t * counter, uint32_t target) {
    while (static_cast<int32_t>(*reinterpret_cast<const volatile uint32_t *>(counter) - target) < 0) {
        __nanosleep(20);
    }
}

}  // namespace kstt::gpu
#endif

namespace kstt::gpu {

constexpr uint32_t all_lanes = 0xffffffffU;

KSTT_DEVICE int32_t lane_index() {
    return static_cast<int32_t>(threadIdx.x) & 31;
}

KSTT_DEVICE int32_t warp_index() {
    return static_cast<int32_t>(threadIdx.x) >> 5;
}

KSTT_DEVICE int32_t n_warps() {
    return static_cast<int32_t>(blockDim.x) >> 5;
}

// Sum over the lanes by halving; every lane gets it, in the same bits.
KSTT_DEVICE float sum_lanes(float value) {
    KSTT_UNROLL
    for (int32_t width = 16; width > 0; width /= 2) {
        value += __shfl_xor_sync(all_lanes, value, width);
    }
    return value;
}

// bf16 of a number, rounded to nearest even; the numbers here are finite.
KSTT_DEVICE uint32_t round_to_bf16(float value) {
    const uint32_t bits = bits_of(value);
    return (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
}

KSTT_DEVICE float bf16_to_float(uint32_t bits) {
    return float_of(bits << 16);
}

// A number as the sum of two bf16: good for 16 bits.
struct bf16_pair {
    uint32_t high;
    uint32_t low;
};

KSTT_DEVICE bf16_pair split_float(float value) {
    const uint32_t high = round_to_bf16(value);
    return { high, round_to_bf16(value - bf16_to_float(high)) };
}

}  // namespace kstt::gpu
