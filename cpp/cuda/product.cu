// Products with 16-bit and quantized weights on the tensor cores. Activations are f32, cut into two bf16 each, so that
// they lose nothing that shows; sums are f32.
//
// Few columns: bound by reading W. A block takes a strip of 16 rows, its warps the sections of k, so that many loads
// are under way at once. Many columns: bound by arithmetic; see tiled-product.cuh. Both sum in the same order.
#include "cuda/launch.cuh"
#include "cuda/tiled-product.cuh"
#include "cuda/weight-fragment.cuh"
#include "runtime/error.h"

namespace kstt::gpu {

namespace {

constexpr int32_t tile_columns   = 8;
constexpr int32_t few_columns    = 8;   // these are normed and split where they are used
constexpr int32_t narrow_columns = 32;  // up to here a block holds all columns of a strip
constexpr int32_t n_threads      = 256;

// Normed as the product asks for, and split.
KSTT_DEVICE activation_fragment read_activations(const product_call & call,
                                                 const float *        factors,
                                                 int32_t              column,
                                                 int32_t              k0) {
    float x[8] = { 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F };
    if (column < call.n_columns) {
        const float * from = call.x + static_cast<int64_t>(column) * call.x_stride + k0;
        KSTT_UNROLL
        for (int32_t i = 0; i < 8; i += 4) {
            const float4 four = *reinterpret_cast<const float4 *>(from + i);
            x[i]              = four.x;
            x[i + 1]          = four.y;
            x[i + 2]          = four.z;
            x[i + 3]          = four.w;
        }
        if (call.norm != nullptr) {
            const float factor = factors[column];
            KSTT_UNROLL
            for (int32_t i = 0; i < 8; i++) {
                x[i] = x[i] * factor * call.norm[k0 + i];
            }
        }
    }
    return split_activations(x);
}

KSTT_DEVICE activation_fragment read_planes(const product_call & call, int32_t column, int32_t k0) {
    activation_fragment x;
    const int64_t       at   = static_cast<int64_t>(column) * call.x_stride + k0;
    const uint4         high = *reinterpret_cast<const uint4 *>(call.planes.high + at);
    const uint4         low  = *reinterpret_cast<const uint4 *>(call.planes.low + at);
    x.high[0] = high.x, x.high[1] = high.y, x.high[2] = high.z, x.high[3] = high.w;
    x.low[0] = low.x, x.low[1] = low.y, x.low[2] = low.z, x.low[3] = low.w;
    return x;
}

// values [16][columns] of strip `strip`, whole in shared memory.
KSTT_DEVICE void finish_strip(const product_call & call, float * values, int32_t columns, int32_t strip) {
    const auto    thread = static_cast<int32_t>(threadIdx.x);
    const int32_t n_used = min(columns, call.n_columns);
    if (call.end == product_end::swiglu) {
        for (int32_t i = thread; i < 8 * n_used; i += n_threads) {
            const int32_t row    = i % 8;
            const int32_t column = i / 8;
            const int32_t out    = strip * 8 + row;
            if (out < call.w.shape.n_out / 2) {
                call.y[static_cast<int64_t>(column) * call.y_stride + out] =
                    silu(values[row * columns + column]) * values[(row + 8) * columns + column];
            }
        }
        return;
    }
    for (int32_t i = thread; i < 16 * n_used; i += n_threads) {
        const int32_t row    = i % 16;
        const int32_t column = i / 16;
        const int32_t out    = strip * 16 + row;
        float         value  = 0.0F;
        if (out < call.w.shape.n_out) {
            float * y = call.y + static_cast<int64_t>(column) * call.y_stride + out;
            value     = values[row * columns + column];
            value     = call.end == product_end::residual ? *y + value : value;
            *y        = value;
        }
        values[row * columns + column] = value;
    }
    if (call.end != product_end::residual) {
        return;
    }
    __syncthreads();
    for (int32_t column = thread; column < n_used; column += n_threads) {
        call.sums.sums[static_cast<int64_t>(column) * call.sums.n_strips + strip] =
            sum_of_squares([&](int32_t row) { return values[row * columns + column]; });
    }
}

template <matrix_kind KIND, int32_t N_TILES, bool PLANES>
KSTT_KERNEL KSTT_BOUNDS(n_threads, 1) narrow_product(product_call call) {
    constexpr int32_t columns  = N_TILES * tile_columns;
    const auto        strip    = static_cast<int32_t>(blockIdx.x);
    const int32_t     lane     = lane_index();
    const auto        n_chunks = static_cast<int32_t>(call.w.shape.n_chunks());
    const int32_t     sections = n_sections(n_chunks);
    float *           partial  = reinterpret_cast<float *>(block_memory());  // [section][16][columns]
    float *           factors  = partial + sections * 16 * columns;          // [few_columns]
    if (!PLANES && call.norm != nullptr) {
        const int32_t column = warp_index();
        if (column < call.n_columns) {
            const float factor =
                norm_factor(call.norm_sums.sums + static_cast<int64_t>(column) * call.norm_sums.n_strips,
                            call.norm_sums.n_strips,
                            static_cast<int32_t>(call.w.shape.k),
                            call.eps);
            if (lane == 0) {
                factors[column] = factor;
            }
        }
        __syncthreads();
    }
    for (int32_t section = warp_index(); section < sections; section += n_warps()) {
        const int32_t         first = section * section_chunks;
        const int32_t         n     = min(section_chunks, n_chunks - first);
        weight_fragment<KIND> w[section_chunks];
        KSTT_UNROLL
        for (int32_t i = 0; i < section_chunks; i++) {
            if (i < n) {
                w[i].load(call.w, static_cast<int64_t>(strip) * n_chunks + first + i, lane);
            }
        }
        float sums[N_TILES][4] = {};
        KSTT_UNROLL
        for (int32_t i = 0; i < section_chunks; i++) {
            if (i < n) {
                const int32_t k0 = (first + i) * static_cast<int32_t>(chunk_weights) + lane % 4 * 8;
                KSTT_UNROLL
                for (int32_t tile = 0; tile < N_TILES; tile++) {
                    const int32_t column = tile * tile_columns + lane / 4;
                    w[i].multiply(sums[tile],
                                  PLANES ? read_planes(call, column, k0) : read_activations(call, factors, column, k0));
                }
            }
        }
        KSTT_UNROLL
        for (int32_t tile = 0; tile < N_TILES; tile++) {
            KSTT_UNROLL
            for (int32_t i = 0; i < 4; i++) {
                const int32_t row                                = lane / 4 + i / 2 * 8;
                const int32_t column                             = tile * tile_columns + lane % 4 * 2 + i % 2;
                partial[(section * 16 + row) * columns + column] = sums[tile][i];
            }
        }
    }
    __syncthreads();
    for (auto i = static_cast<int32_t>(threadIdx.x); i < 16 * columns; i += n_threads) {
        float total = 0.0F;
        for (int32_t section = 0; section < sections; section++) {
            total += partial[section * 16 * columns + i];
        }
        partial[i] = total;
    }
    __syncthreads();
    finish_strip(call, partial, columns, strip);
}

// Norms and splits whole columns once, for products that read them many times. A block takes one column.
KSTT_KERNEL split_columns(product_call call) {
    const auto column = static_cast<int32_t>(blockIdx.x);
    float *    factor = reinterpret_cast<float *>(block_memory());
    if (call.norm != nullptr) {
        if (warp_index() == 0) {
            const float own = norm_factor(call.norm_sums.sums + static_cast<int64_t>(column) * call.norm_sums.n_strips,
                                          call.norm_sums.n_strips,
                                          static_cast<int32_t>(call.w.shape.k),
                                          call.eps);
            if (lane_index() == 0) {
                *factor = own;
            }
        }
        __syncthreads();
    }
    const int64_t at = static_cast<int64_t>(column) * call.x_stride;
    for (auto i = static_cast<int32_t>(threadIdx.x); i < call.x_stride; i += n_threads) {
        float x = call.x[at + i];
        if (call.norm != nullptr) {
            x = x * *factor * call.norm[i];
        }
        const bf16_pair pair     = split_float(x);
        call.planes.high[at + i] = static_cast<uint16_t>(pair.high);
        call.planes.low[at + i]  = static_cast<uint16_t>(pair.low);
    }
}

template <matrix_kind KIND, int32_t N_TILES, bool PLANES>
void launch_narrow(stream & on, const product_call & call) {
    const int64_t sections = (call.w.shape.n_chunks() + section_chunks - 1) / section_chunks;
    launch_shape  shape;
    shape.grid_x       = static_cast<uint32_t>(call.w.shape.n_strips());
    shape.n_threads    = n_threads;
    shape.shared_bytes = static_cast<size_t>(sections * 16 * N_TILES * tile_columns + few_columns) * sizeof(float);
    launch(on, shape, narrow_product<KIND, N_TILES, PLANES>, call);
}

template <matrix_kind KIND>
void launch_kind(stream & on, const product_call & call) {
    if (call.n_columns <= few_columns) {
        return launch_narrow<KIND, 1, false>(on, call);
    }
    launch_shape shape;
    shape.grid_x       = static_cast<uint32_t>(call.n_columns);
    shape.n_threads    = n_threads;
    shape.shared_bytes = 16;
    launch(on, shape, split_columns, call);
    if (call.n_columns <= 2 * tile_columns) {
        return launch_narrow<KIND, 2, true>(on, call);
    }
    if (call.n_columns <= narrow_columns) {
        return launch_narrow<KIND, 4, true>(on, call);
    }
    launch_tiled<KIND>(on, call);
}

}  // namespace

void launch_product(stream & on, const product_call & call) {
    switch (call.w.shape.kind) {
    case matrix_kind::bf16:
        return launch_kind<matrix_kind::bf16>(on, call);
    case matrix_kind::f16:
        return launch_kind<matrix_kind::f16>(on, call);
    case matrix_kind::q8_0:
        return launch_kind<matrix_kind::q8_0>(on, call);
    case matrix_kind::q4_0:
        return launch_kind<matrix_kind::q4_0>(on, call);
    default:
        throw error(KSTT_STATUS_INTERNAL, "an f32 matrix goes through launch_f32_product");
    }
}

}  // namespace kstt::gpu
