// What happens to a finished product before it is stored. Included only through kernels.cpp and packed.cpp.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd.h"

namespace kstt {

namespace {

// Fused epilogue: one element of y.
inline void finish(const matmul_args & a, int64_t o, int64_t t, float value) {
    if (a.bias != nullptr) {
        value += a.bias[o];
    }
    if (a.scale != nullptr) {
        value *= a.scale[o];
    }
    if (a.residual != nullptr) {
        value += a.residual[t * a.y_stride + o];
    }
    a.y[t * a.y_stride + o] = value;
}

// The same for V = vf or vf4: rows o, o + 1, ..., as many as there are lanes.
template <typename V>
inline void finish_vector(const matmul_args & a, int64_t o, int64_t t, V value) {
    V other;
    if (a.bias != nullptr) {
        memcpy(&other, a.bias + o, sizeof(other));
        value += other;
    }
    if (a.scale != nullptr) {
        memcpy(&other, a.scale + o, sizeof(other));
        value *= other;
    }
    if (a.residual != nullptr) {
        memcpy(&other, a.residual + t * a.y_stride + o, sizeof(other));
        value += other;
    }
    memcpy(a.y + t * a.y_stride + o, &value, sizeof(value));
}

// The same for rows o .. o + lanes, of which those in [a.o0, a.o1) are asked for.
inline void finish(const matmul_args & a, int64_t o, int64_t t, vf value) {
    if (o >= a.o0 && o + lanes <= a.o1) {
        finish_vector(a, o, t, value);
        return;
    }
    for (int64_t i = 0; i < lanes; i++) {
        if (o + i >= a.o0 && o + i < a.o1) {
            finish(a, o + i, t, value[i]);
        }
    }
}

}  // namespace

}  // namespace kstt
