// Products with f32 weights in plain f32, never TF32: the codec's codes hang on it. A convolution is such a product
// over windows of its input, which are never written out.
//
// Sections of 64 weights are summed in one chain each, then the sections in their order. Few columns: a block takes 8
// rows, lanes take (row, section) pairs, the columns lie in shared memory. Many: tiles of 64 x 64 or 128 x 128.
#include "cuda/launch.cuh"
#include "cuda/tiled-f32.cuh"
#include "cuda/window.cuh"

#include <algorithm>

namespace kstt::gpu {

namespace {

constexpr int32_t rows             = 8;
constexpr int32_t section          = static_cast<int32_t>(f32_section);
// Sections lie this far apart in shared memory, so that four lanes reading four of them meet in different banks.
constexpr int32_t section_stride   = section + 4;
constexpr int32_t max_threads      = 512;
constexpr size_t  max_column_bytes = 64 << 10;
constexpr int64_t enough_tiles     = 128;  // blocks that keep a large card busy

template <int32_t COLUMNS>
KSTT_KERNEL KSTT_BOUNDS(max_threads, 1) narrow_f32(f32_call call) {
    const auto    strip    = static_cast<int32_t>(blockIdx.x);
    const int32_t first    = static_cast<int32_t>(blockIdx.y) * COLUMNS;
    const int32_t n_used   = min(COLUMNS, call.n_rows * call.out_columns - first);
    const auto    k        = static_cast<int32_t>(call.w.shape.k);
    const int32_t sections = (k + section - 1) / section;
    const auto    thread   = static_cast<int32_t>(threadIdx.x);
    const auto    threads  = static_cast<int32_t>(blockDim.x);
    float *       columns  = reinterpret_cast<float *>(block_memory());      // [COLUMNS][section][section_stride]
    float *       partial  = columns + COLUMNS * sections * section_stride;  // [section][rows][COLUMNS]
    const auto    place    = [](int32_t i) { return i / section * section_stride + i % section; };

    for (int32_t i = thread; i < COLUMNS * sections * section / 4; i += threads) {
        const int32_t column  = i / (sections * section / 4);
        const int32_t k0      = i % (sections * section / 4) * 4;
        float         four[4] = { 0.0F, 0.0F, 0.0F, 0.0F };
        if (column < n_used) {
            read_four(
                call.source, (first + column) / call.out_columns, (first + column) % call.out_columns, k0, k, four);
        }
        *reinterpret_cast<float4 *>(columns + column * sections * section_stride + place(k0)) =
            float4{ four[0], four[1], four[2], four[3] };
    }
    __syncthreads();
    if (call.norm.weight != nullptr) {
        for (int32_t column = warp_index(); column < n_used; column += n_warps()) {
            norm_column(columns + column * sections * section_stride, k, call.norm, place);
        }
        __syncthreads();
    }

    const auto * w =
        static_cast<const float4 *>(call.w.quants) + static_cast<int64_t>(strip) * sections * section * rows / 4;
    const auto row = thread % rows;
    for (int32_t s = thread / rows; s < sections; s += threads / rows) {
        float sums[COLUMNS] = {};
        KSTT_UNROLL
        for (int32_t i = 0; i < section / 4; i++) {
            const float4 weights = w[(s * (section / 4) + i) * rows + row];
            KSTT_UNROLL
            for (int32_t column = 0; column < COLUMNS; column++) {
                const float4 x =
                    *reinterpret_cast<const float4 *>(columns + (column * sections + s) * section_stride + 4 * i);
                sums[column] = fmaf(weights.x, x.x, sums[column]);
                sums[column] = fmaf(weights.y, x.y, sums[column]);
                sums[column] = fmaf(weights.z, x.z, sums[column]);
                sums[column] = fmaf(weights.w, x.w, sums[column]);
            }
        }
        KSTT_UNROLL
        for (int32_t column = 0; column < COLUMNS; column++) {
            partial[(s * rows + row) * COLUMNS + column] = sums[column];
        }
    }
    __syncthreads();
    for (int32_t i = thread; i < rows * n_used; i += threads) {
        const int32_t out    = strip * rows + i % rows;
        const int32_t column = i / rows;
        float         total  = 0.0F;
        for (int32_t s = 0; s < sections; s++) {
            total += partial[(s * rows + i % rows) * COLUMNS + column];
        }
        if (out < call.w.shape.n_out) {
            store_sum(call, first + column, out, total);
        }
    }
}

// Normed copies of whole columns, for products that read them many times. A warp takes one column.
KSTT_KERNEL norm_columns(f32_call call) {
    const auto column = static_cast<int32_t>(blockIdx.x) * n_warps() + warp_index();
    if (column >= call.n_rows * call.out_columns) {
        return;
    }
    const auto    k    = static_cast<int32_t>(call.w.shape.k);
    const float * from = call.source.x + static_cast<int64_t>(column) * call.source.x_stride;
    float *       to   = call.normed + static_cast<int64_t>(column) * call.source.x_stride;
    for (int32_t i = lane_index(); i < k; i += 32) {
        to[i] = from[i];
    }
    norm_column(to, k, call.norm, [](int32_t i) { return i; });
}

KSTT_KERNEL swiglu(const float * x, int32_t x_stride, float * y, int32_t y_stride, int32_t width) {
    const auto i = static_cast<int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < width) {
        const float * column                               = x + static_cast<int64_t>(blockIdx.y) * x_stride;
        const float   gate                                 = column[i];
        y[static_cast<int64_t>(blockIdx.y) * y_stride + i] = gate / (1.0F + expf(-gate)) * column[width + i];
    }
}

// The last columns of (state, input) become the state. A thread takes one channel of one row; it reads ahead of where
// it writes.
KSTT_KERNEL move_contexts(const context_entry * entries) {
    const context_entry & entry  = entries[blockIdx.x];
    const window_source & source = entry.source;
    const auto            row    = static_cast<int32_t>(blockIdx.y);
    const int32_t         slot   = source.slots[row];
    if (slot < 0) {
        return;
    }
    for (auto channel = static_cast<int32_t>(threadIdx.x); channel < source.n_in;
         channel += static_cast<int32_t>(blockDim.x)) {
        float * state = entry.state + static_cast<int64_t>(slot) * source.context * source.n_in + channel;
        for (int32_t t = 0; t < source.context; t++) {
            state[t * source.n_in] = read_window(source, row, t + source.columns - source.context, channel);
        }
    }
}

template <int32_t COLUMNS>
void launch_narrow(stream & on, const f32_call & call, int64_t n_columns, int64_t sections) {
    launch_shape shape;
    shape.grid_x = static_cast<uint32_t>(call.w.shape.n_strips());
    shape.grid_y = static_cast<uint32_t>((n_columns + COLUMNS - 1) / COLUMNS);
    shape.n_threads =
        static_cast<uint32_t>(std::min<int64_t>(std::max<int64_t>(64, round_up(sections * rows, 32)), max_threads));
    shape.shared_bytes = static_cast<size_t>(COLUMNS * sections * (section_stride + rows)) * sizeof(float);
    launch(on, shape, narrow_f32<COLUMNS>, call);
}

void launch_tiles(stream & on, f32_call call, int64_t n_columns) {
    if (call.norm.weight != nullptr) {
        launch_shape shape;
        shape.n_threads = 128;
        shape.grid_x    = static_cast<uint32_t>((n_columns + 3) / 4);
        launch(on, shape, norm_columns, call);
        call.source.x = call.normed;
    }
    const auto n_tiles = [&](int64_t size) {
        return ((call.w.shape.n_out + size - 1) / size) * ((n_columns + size - 1) / size);
    };
    if (call.w.shape.n_out >= 128 && n_tiles(128) >= enough_tiles) {
        launch_tiled_f32<8>(on, call, n_columns);
    } else {
        launch_tiled_f32<4>(on, call, n_columns);
    }
}

}  // namespace

void launch_f32_product(stream & on, const f32_call & call) {
    const int64_t n_columns = int64_t{ call.n_rows } * call.out_columns;
    const int64_t n_tiles   = ((call.w.shape.n_out + 63) / 64) * ((n_columns + 63) / 64);
    const int64_t sections  = round_up(call.w.shape.k, f32_section) / f32_section;
    if (n_tiles >= enough_tiles && n_columns > 16) {
        return launch_tiles(on, call, n_columns);
    }
    const auto fit = static_cast<int64_t>(max_column_bytes / sizeof(float)) / (sections * section);
    if (n_columns >= 8 && fit >= 8) {
        return launch_narrow<8>(on, call, n_columns, sections);
    }
    if (n_columns >= 3 && fit >= 4) {
        return launch_narrow<4>(on, call, n_columns, sections);
    }
    if (n_columns >= 2 && fit >= 2) {
        return launch_narrow<2>(on, call, n_columns, sections);
    }
    launch_narrow<1>(on, call, n_columns, sections);
}

void launch_swiglu(
    stream & on, const float * x, int32_t x_stride, float * y, int32_t y_stride, int32_t width, int32_t n_columns) {
    launch_shape shape;
    shape.grid_x = static_cast<uint32_t>((width + 255) / 256);
    shape.grid_y = static_cast<uint32_t>(n_columns);
    launch(on, shape, swiglu, x, x_stride, y, y_stride, width);
}

void launch_contexts(stream & on, const context_entry * entries, int32_t n_entries, int32_t n_rows) {
    launch_shape shape;
    shape.grid_x    = static_cast<uint32_t>(n_entries);
    shape.grid_y    = static_cast<uint32_t>(n_rows);
    shape.n_threads = 256;
    launch(on, shape, move_contexts, entries);
}

}  // namespace kstt::gpu
