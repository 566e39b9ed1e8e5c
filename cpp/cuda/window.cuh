// Elements of the columns that f32 products read, convolutions' windows included.
#pragma once

#include "cuda/kernels.h"
#include "cuda/platform.cuh"

namespace kstt::gpu {

KSTT_DEVICE float elu(float x) {
    return x > 0.0F ? x : expm1f(x);
}

// Value of input column `column` (may lie outside) and channel `channel`, activated.
KSTT_DEVICE float read_window(const window_source & source, int32_t row, int32_t column, int32_t channel) {
    const float * x = source.x + static_cast<int64_t>(row) * source.columns * source.x_stride + channel;
    if (column < 0) {
        const int32_t slot = source.slots[row];
        if (slot < 0) {
            return 0.0F;
        }
        if (source.positions[row] == 0) {
            return source.replicate ? (source.elu ? elu(*x) : *x) : 0.0F;
        }
        const int64_t at = static_cast<int64_t>(slot) * source.context + source.context + column;
        return source.state[at * source.n_in + channel];
    }
    if (column >= source.columns) {
        if (!source.replicate) {
            return 0.0F;
        }
        column = source.columns - 1;
    }
    const float value = x[static_cast<int64_t>(column) * source.x_stride];
    return source.elu ? elu(value) : value;
}

// Four elements of output column t from element k0 (a multiple of 4) on; zeros from k on.
KSTT_DEVICE void read_four(
    const window_source & source, int32_t row, int32_t t, int32_t k0, int32_t k, float (&out)[4]) {
    const int32_t first = t * source.stride - source.context;
    if (k0 + 4 <= k && source.n_in % 4 == 0) {
        const int32_t column = first + k0 / source.n_in * source.dilation;
        if (column >= 0 && column < source.columns) {
            const int64_t at   = (static_cast<int64_t>(row) * source.columns + column) * source.x_stride;
            const float4  four = *reinterpret_cast<const float4 *>(source.x + at + k0 % source.n_in);
            out[0]             = source.elu ? elu(four.x) : four.x;
            out[1]             = source.elu ? elu(four.y) : four.y;
            out[2]             = source.elu ? elu(four.z) : four.z;
            out[3]             = source.elu ? elu(four.w) : four.w;
            return;
        }
    }
    KSTT_UNROLL
    for (int32_t i = 0; i < 4; i++) {
        const int32_t at = k0 + i;
        out[i] = at < k ? read_window(source, row, first + at / source.n_in * source.dilation, at % source.n_in) : 0.0F;
    }
}

// What happens to a sum before it is stored.
KSTT_DEVICE void store_sum(const f32_call & call, int64_t column, int32_t out, float value) {
    const int64_t at = column * call.y_stride + out;
    if (call.bias != nullptr) {
        value += call.bias[out];
    }
    if (call.gelu) {
        value = 0.5F * value * (1.0F + erff(value * 0.70710678F));
    }
    if (call.scale != nullptr) {
        value *= call.scale[out];
    }
    if (call.residual != nullptr) {
        value += call.residual[at];
    }
    call.y[at] = value;
}

// Norms a column in place; element i lies at place(i). A warp does it together.
template <typename F>
KSTT_DEVICE void norm_column(float * column, int32_t k, const norm_call & norm, const F & place) {
    float mean = 0.0F;
    if (norm.bias != nullptr) {
        for (int32_t i = lane_index(); i < k; i += 32) {
            mean += column[place(i)];
        }
        mean = sum_lanes(mean) / static_cast<float>(k);
    }
    float squares = 0.0F;
    for (int32_t i = lane_index(); i < k; i += 32) {
        const float centred = column[place(i)] - mean;
        squares             = fmaf(centred, centred, squares);
    }
    const float factor = 1.0F / sqrtf(sum_lanes(squares) / static_cast<float>(k) + norm.eps);
    for (int32_t i = lane_index(); i < k; i += 32) {
        const float value = (column[place(i)] - mean) * factor * norm.weight[i];
        column[place(i)]  = norm.bias != nullptr ? value + norm.bias[i] : value;
    }
}

}  // namespace kstt::gpu
