// Weights of each stored type as f32 lanes and scalars. Included only through kernels.cpp.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd.h"

namespace kstt {

namespace {

template <weight_kind KIND>
struct weight_reader;

template <>
struct weight_reader<weight_kind::f32> {
    typedef float       type;
    static inline vf    vector(const type * p) { return load(p); }
    static inline vf    first(const type * p, int64_t n) { return load_first(p, n); }
    static inline float scalar(const type * p) {
        float f;
        memcpy(&f, p, sizeof(f));
        return f;
    }
};

template <>
struct weight_reader<weight_kind::f16> {
    typedef uint16_t    type;
    static inline vf    vector(const type * p) { return load(p, false); }
    static inline vf    first(const type * p, int64_t n) { return load_first(p, n, false); }
    static inline float scalar(const type * p) { return f16_to_f32(*p); }
};

template <>
struct weight_reader<weight_kind::bf16> {
    typedef uint16_t    type;
    static inline vf    vector(const type * p) { return load(p, true); }
    static inline vf    first(const type * p, int64_t n) { return load_first(p, n, true); }
    static inline float scalar(const type * p) { return bf16_to_f32(*p); }
};

}  // namespace

}  // namespace kstt
