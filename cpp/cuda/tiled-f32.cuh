// f32 products of many columns: 256 threads, each with SIZE x SIZE results of a tile of (16 SIZE) x (16 SIZE).
#pragma once

#include "cuda/launch.cuh"
#include "cuda/window.cuh"

namespace kstt::gpu {

namespace tiled {

constexpr int32_t depth = 16;  // weights per pass

template <int32_t SIZE>
struct f32_tile {
    static constexpr int32_t n      = 16 * SIZE;
    static constexpr int32_t stride = n + 4;

    float w[depth][stride];
    float x[depth][stride];
};

template <int32_t SIZE>
KSTT_KERNEL KSTT_BOUNDS(256, 1) tiled_f32(f32_call call) {
    using tile              = f32_tile<SIZE>;
    auto &        memory    = *reinterpret_cast<tile *>(block_memory());
    const auto    thread    = static_cast<int32_t>(threadIdx.x);
    const int32_t first_out = static_cast<int32_t>(blockIdx.x) * tile::n;
    const int32_t first     = static_cast<int32_t>(blockIdx.y) * tile::n;
    const int32_t n_columns = call.n_rows * call.out_columns;
    const auto    k         = static_cast<int32_t>(call.w.shape.k);
    const int32_t padded    = (k + static_cast<int32_t>(f32_section) - 1) / static_cast<int32_t>(f32_section) *
                           static_cast<int32_t>(f32_section);
    const auto    n_strips           = static_cast<int32_t>(call.w.shape.n_strips());
    // Results in groups of four, 64 apart, so that a warp's reads of shared memory are of whole runs.
    const int32_t row                = thread % 16 * 4;
    const int32_t column             = thread / 16 * 4;
    float         totals[SIZE][SIZE] = {};
    float         sums[SIZE][SIZE]   = {};
    for (int32_t k0 = 0; k0 < padded; k0 += depth) {
        __syncthreads();
        for (int32_t i = thread; i < tile::n * depth / 4; i += 256) {
            // 8 rows x 4 weights lie together in W.
            const int32_t place = i % 8;
            const int32_t four  = i / 8 % (depth / 4);
            const int32_t strip = i / 8 / (depth / 4);
            const int32_t at    = first_out / 8 + strip;
            float4        w     = { 0.0F, 0.0F, 0.0F, 0.0F };
            if (at < n_strips) {
                w = static_cast<const float4 *>(
                    call.w.quants)[(static_cast<int64_t>(at) * (padded / 4) + k0 / 4 + four) * 8 + place];
            }
            memory.w[4 * four][strip * 8 + place]     = w.x;
            memory.w[4 * four + 1][strip * 8 + place] = w.y;
            memory.w[4 * four + 2][strip * 8 + place] = w.z;
            memory.w[4 * four + 3][strip * 8 + place] = w.w;
        }
        for (int32_t i = thread; i < tile::n * depth / 4; i += 256) {
            const int32_t at   = first + i % tile::n;
            const int32_t four = i / tile::n;
            float         x[4] = { 0.0F, 0.0F, 0.0F, 0.0F };
            if (at < n_columns) {
                read_four(call.source, at / call.out_columns, at % call.out_columns, k0 + 4 * four, k, x);
            }
            KSTT_UNROLL
            for (int32_t j = 0; j < 4; j++) {
                memory.x[4 * four + j][i % tile::n] = x[j];
            }
        }
        __syncthreads();
        KSTT_UNROLL
        for (int32_t d = 0; d < depth; d++) {
            float w[SIZE];
            float x[SIZE];
            KSTT_UNROLL
            for (int32_t i = 0; i < SIZE; i += 4) {
                const float4 four_w = *reinterpret_cast<const float4 *>(&memory.w[d][row + i * 16]);
                const float4 four_x = *reinterpret_cast<const float4 *>(&memory.x[d][column + i * 16]);
                w[i] = four_w.x, w[i + 1] = four_w.y, w[i + 2] = four_w.z, w[i + 3] = four_w.w;
                x[i] = four_x.x, x[i + 1] = four_x.y, x[i + 2] = four_x.z, x[i + 3] = four_x.w;
            }
            KSTT_UNROLL
            for (int32_t i = 0; i < SIZE; i++) {
                KSTT_UNROLL
                for (int32_t j = 0; j < SIZE; j++) {
                    sums[i][j] = fmaf(w[i], x[j], sums[i][j]);
                }
            }
        }
        if ((k0 + depth) % static_cast<int32_t>(f32_section) == 0) {
            KSTT_UNROLL
            for (int32_t i = 0; i < SIZE; i++) {
                KSTT_UNROLL
                for (int32_t j = 0; j < SIZE; j++) {
                    totals[i][j] += sums[i][j];
                    sums[i][j] = 0.0F;
                }
            }
        }
    }
    KSTT_UNROLL
    for (int32_t j = 0; j < SIZE; j++) {
        const int32_t to = first + column + j / 4 * 64 + j % 4;
        KSTT_UNROLL
        for (int32_t i = 0; i < SIZE; i++) {
            const int32_t out = first_out + row + i / 4 * 64 + i % 4;
            if (to < n_columns && out < call.w.shape.n_out) {
                store_sum(call, to, out, totals[i][j]);
            }
        }
    }
}

}  // namespace tiled

template <int32_t SIZE>
void launch_tiled_f32(stream & on, const f32_call & call, int64_t n_columns) {
    constexpr int64_t n = tiled::f32_tile<SIZE>::n;
    launch_shape      shape;
    shape.grid_x       = static_cast<uint32_t>((call.w.shape.n_out + n - 1) / n);
    shape.grid_y       = static_cast<uint32_t>((n_columns + n - 1) / n);
    shape.n_threads    = 256;
    shape.shared_bytes = sizeof(tiled::f32_tile<SIZE>);
    launch(on, shape, tiled::tiled_f32<SIZE>, call);
}

}  // namespace kstt::gpu
