// Products of many columns: a block takes 256 rows by 64 columns. The columns' bf16 halves pass through shared memory
// in the order in which lanes take them as operands, two stages ahead; W goes straight into registers, one chunk ahead,
// since its layout is an operand's already and no other warp of the block needs it.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/weight-fragment.cuh"

namespace kstt::gpu {

namespace tiled {

constexpr int32_t n_threads       = 256;
constexpr int32_t warps_per_block = n_threads / 32;
constexpr int32_t strips_per_warp = 2;
constexpr int32_t n_tiles         = 8;  // of 8 columns
constexpr int32_t columns         = n_tiles * 8;
constexpr int32_t stage_chunks    = 2;
constexpr int32_t n_stages        = 3;
// [chunk][half][tile][lane] x 16 bytes
constexpr int32_t stage_vectors   = stage_chunks * 2 * n_tiles * 32;
constexpr size_t  shared_bytes    = size_t{ n_stages } * stage_vectors * 16;

// Starts copying a stage; the planes are a multiple of 64 wide, so that whole stages exist.
KSTT_DEVICE void fetch(const product_call & call, char * memory, int32_t stage, int32_t first_column) {
    auto * to = reinterpret_cast<uint4 *>(memory) + stage % n_stages * stage_vectors;
    for (auto i = static_cast<int32_t>(threadIdx.x); i < stage_vectors; i += n_threads) {
        const int32_t    lane   = i % 32;
        const int32_t    tile   = i / 32 % n_tiles;
        const int32_t    half   = i / 32 / n_tiles % 2;
        const int32_t    chunk  = stage * stage_chunks + i / 32 / n_tiles / 2;
        const int64_t    column = first_column + tile * 8 + lane / 4;
        const uint16_t * plane  = half == 0 ? call.planes.high : call.planes.low;
        copy_to_shared(to + i, plane + column * call.x_stride + chunk * 32 + lane % 4 * 8);
    }
}

KSTT_DEVICE activation_fragment take(const char * memory, int32_t chunk, int32_t tile) {
    const auto * stage = reinterpret_cast<const uint4 *>(memory) + chunk / stage_chunks % n_stages * stage_vectors;
    const uint4  high  = stage[(chunk % stage_chunks * 2 * n_tiles + tile) * 32 + lane_index()];
    const uint4  low   = stage[((chunk % stage_chunks * 2 + 1) * n_tiles + tile) * 32 + lane_index()];
    activation_fragment x;
    x.high[0] = high.x, x.high[1] = high.y, x.high[2] = high.z, x.high[3] = high.w;
    x.low[0] = low.x, x.low[1] = low.y, x.low[2] = low.z, x.low[3] = low.w;
    return x;
}

// A warp's strip by 8 columns: totals as the tensor cores lay them out.
KSTT_DEVICE void finish(const product_call & call, const float (&totals)[4], int32_t strip, int32_t first_column) {
    const int32_t lane = lane_index();
    const int32_t g    = lane / 4;
    KSTT_UNROLL
    for (int32_t i = 0; i < 2; i++) {
        const int32_t column = first_column + lane % 4 * 2 + i;
        const bool    used   = column < call.n_columns;
        float *       y      = call.y + static_cast<int64_t>(column) * call.y_stride;
        if (call.end == product_end::swiglu) {
            if (used && strip * 8 + g < call.w.shape.n_out / 2) {
                y[strip * 8 + g] = silu(totals[i]) * totals[2 + i];
            }
            continue;
        }
        float values[2] = { 0.0F, 0.0F };
        KSTT_UNROLL
        for (int32_t half = 0; half < 2; half++) {
            const int32_t out = strip * 16 + half * 8 + g;
            if (used && out < call.w.shape.n_out) {
                const float value = totals[2 * half + i];
                values[half]      = call.end == product_end::residual ? y[out] + value : value;
                y[out]            = values[half];
            }
        }
        if (call.end == product_end::residual) {
            float sum = fmaf(values[1], values[1], values[0] * values[0]);
            KSTT_UNROLL
            for (int32_t distance = 4; distance < 32; distance *= 2) {
                sum += __shfl_xor_sync(all_lanes, sum, distance);
            }
            if (used && g == 0) {
                call.sums.sums[static_cast<int64_t>(column) * call.sums.n_strips + strip] = sum;
            }
        }
    }
}

template <matrix_kind KIND>
KSTT_KERNEL KSTT_BOUNDS(n_threads, 1) tiled_product(product_call call) {
    char *        memory       = block_memory();
    const int32_t lane         = lane_index();
    const auto    n_chunks     = static_cast<int32_t>(call.w.shape.n_chunks());
    const int32_t stages       = (n_chunks + stage_chunks - 1) / stage_chunks;
    const auto    first_column = static_cast<int32_t>(blockIdx.y) * columns;
    const auto    n_strips     = static_cast<int32_t>(call.w.shape.n_strips());
    int32_t       strips[strips_per_warp];
    KSTT_UNROLL
    for (int32_t s = 0; s < strips_per_warp; s++) {
        strips[s] = (static_cast<int32_t>(blockIdx.x) * warps_per_block + warp_index()) * strips_per_warp + s;
    }
    const auto load = [&](weight_fragment<KIND>(&w)[strips_per_warp], int32_t chunk) {
        KSTT_UNROLL
        for (int32_t s = 0; s < strips_per_warp; s++) {
            // Beyond the matrix a warp goes along with the last strip and keeps nothing.
            w[s].load(call.w, static_cast<int64_t>(min(strips[s], n_strips - 1)) * n_chunks + chunk, lane);
        }
    };
    float totals[strips_per_warp][n_tiles][4]  = {};
    float section[strips_per_warp][n_tiles][4] = {};
    KSTT_UNROLL
    for (int32_t stage = 0; stage < n_stages - 1; stage++) {
        if (stage < stages) {
            fetch(call, memory, stage, first_column);
        }
        commit_copies();
    }
    weight_fragment<KIND> next[strips_per_warp];
    load(next, 0);
    for (int32_t chunk = 0; chunk < n_chunks; chunk++) {
        if (chunk % stage_chunks == 0) {
            wait_copies<n_stages - 2>();
            __syncthreads();
            const int32_t ahead = chunk / stage_chunks + n_stages - 1;
            if (ahead < stages) {
                fetch(call, memory, ahead, first_column);
            }
            commit_copies();
        }
        weight_fragment<KIND> w[strips_per_warp];
        KSTT_UNROLL
        for (int32_t s = 0; s < strips_per_warp; s++) {
            w[s] = next[s];
        }
        load(next, min(chunk + 1, n_chunks - 1));
        KSTT_UNROLL
        for (int32_t tile = 0; tile < n_tiles; tile++) {
            const activation_fragment x = take(memory, chunk, tile);
            KSTT_UNROLL
            for (int32_t s = 0; s < strips_per_warp; s++) {
                w[s].multiply(section[s][tile], x);
            }
        }
        if ((chunk + 1) % section_chunks == 0 || chunk + 1 == n_chunks) {
            KSTT_UNROLL
            for (int32_t s = 0; s < strips_per_warp; s++) {
                KSTT_UNROLL
                for (int32_t tile = 0; tile < n_tiles; tile++) {
                    KSTT_UNROLL
                    for (int32_t i = 0; i < 4; i++) {
                        totals[s][tile][i] += section[s][tile][i];
                        section[s][tile][i] = 0.0F;
                    }
                }
            }
        }
    }
    KSTT_UNROLL
    for (int32_t s = 0; s < strips_per_warp; s++) {
        if (strips[s] < n_strips) {
            KSTT_UNROLL
            for (int32_t tile = 0; tile < n_tiles; tile++) {
                finish(call, totals[s][tile], strips[s], first_column + tile * 8);
            }
        }
    }
}

}  // namespace tiled

template <matrix_kind KIND>
void launch_tiled(stream & on, const product_call & call) {
    constexpr int64_t strips_per_block = tiled::warps_per_block * tiled::strips_per_warp;
    launch_shape      shape;
    shape.grid_x       = static_cast<uint32_t>((call.w.shape.n_strips() + strips_per_block - 1) / strips_per_block);
    shape.grid_y       = static_cast<uint32_t>((call.n_columns + tiled::columns - 1) / tiled::columns);
    shape.n_threads    = tiled::n_threads;
    shape.shared_bytes = tiled::shared_bytes;
    launch(on, shape, tiled::tiled_product<KIND>, call);
}

}  // namespace kstt::gpu
