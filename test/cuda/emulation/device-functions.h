// The functions that kernels use, for kernels compiled as ordinary C++: each thread of a block is a fiber, blocks run
// one after the other (all at once where the launch is cooperative). A thread that waits for others at a barrier or
// shuffle they never reach is an error, and so is a warp whose lanes wait at different kinds of places.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#define KSTT_KERNEL void
#define KSTT_DEVICE inline
#define KSTT_UNROLL
#define KSTT_UNROLL_BY_4
#define KSTT_BOUNDS(n_threads, n_blocks)
#define __restrict__ __restrict

struct uint2 {
    uint32_t x, y;
};

struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};

struct alignas(16) float4 {
    float x, y, z, w;
};

struct index3 {
    uint32_t x, y, z;
};

namespace kstt::gpu::emulation {

// Place of the thread that runs.
struct thread_place {
    index3 thread;
    index3 block;
    index3 block_size;
    index3 grid_size;
    char * shared = nullptr;
};

const thread_place & here();

enum class meeting { shuffle, product, warp_barrier };

void             meet_block();
// Hands `value` to the warp; returns all 32 values, by lane, once every lane has given its own.
const char *     meet_warp(meeting kind, const void * value, size_t n_bytes);
// Bytes between two lanes' values.
constexpr size_t meeting_stride = 32;
void             spin();

}  // namespace kstt::gpu::emulation

#define threadIdx (::kstt::gpu::emulation::here().thread)
#define blockIdx  (::kstt::gpu::emulation::here().block)
#define blockDim  (::kstt::gpu::emulation::here().block_size)
#define gridDim   (::kstt::gpu::emulation::here().grid_size)

inline void __syncthreads() {
    kstt::gpu::emulation::meet_block();
}

inline void __syncwarp() {
    const char none = 0;
    kstt::gpu::emulation::meet_warp(kstt::gpu::emulation::meeting::warp_barrier, &none, 1);
}

inline void __threadfence() {}

template <typename T>
T __shfl_sync(uint32_t, T value, int lane) {
    using namespace kstt::gpu::emulation;
    T            result;
    const char * all = meet_warp(meeting::shuffle, &value, sizeof(T));
    std::memcpy(&result, all + static_cast<size_t>(lane & 31) * meeting_stride, sizeof(T));
    return result;
}

template <typename T>
T __shfl_xor_sync(uint32_t mask, T value, int distance) {
    return __shfl_sync(mask, value, static_cast<int>(threadIdx.x & 31U) ^ distance);
}

inline uint32_t atomicAdd(uint32_t * at, uint32_t n) {
    const uint32_t before = *at;
    *at += n;
    return before;
}

namespace kstt::gpu {

inline char * block_memory() {
    return emulation::here().shared;
}

float    half_to_float(uint16_t bits);
uint16_t float_to_half(float value);

inline uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}

inline float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

void multiply_fragments(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

inline void copy_to_shared(void * shared, const void * global) {
    std::memcpy(shared, global, 16);
}

inline void commit_copies() {}

template <int N>
void wait_copies() {}

inline float load_shared_result(const float * at) {
    return *at;
}

inline int32_t load_shared_result(const int32_t * at) {
    return *at;
}

inline void wait_for_count(const uint32_t * counter, uint32_t target) {
    while (static_cast<int32_t>(*counter - target) < 0) {
        emulation::spin();
    }
}

}  // namespace kstt::gpu

using std::max;
using std::min;
