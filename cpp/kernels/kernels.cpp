// Compiled once per instruction set (cmake/kernels.cmake); exports one function, kernels_<isa>(). Only C headers and
// static functions here: an inline function shared with other sources could be taken from the wrong build.
#include "kernels/kernels.h"

#include "kernels/attention.h"
#include "kernels/isa.h"
#include "kernels/matmul.h"
#include "kernels/simd.h"

namespace kstt {

namespace {

void elu(const float * x, float * y, int64_t n) {
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        store(y + i, elu_lanes(load(x + i)));
    }
    if (i < n) {
        float last[lanes] = { 0 };
        for (int64_t j = i; j < n; j++) {
            last[j - i] = x[j];
        }
        store(last, elu_lanes(load(last)));
        for (int64_t j = i; j < n; j++) {
            y[j] = last[j - i];
        }
    }
}

int32_t nearest(const float * dot, const float * half_norm, int64_t n) {
    float   best  = dot[0] - half_norm[0];
    int32_t index = 0;
    int64_t i     = 0;
    if (n >= lanes) {
        // Per lane the first maximum, then the first of the lanes' winners.
        vf best_lane = load(dot) - load(half_norm);
        vi at        = { 0 };
        vi here;
        for (int j = 0; j < lanes; j++) {
            here[j] = j;
        }
        at = here;
        for (i = lanes; i + lanes <= n; i += lanes) {
            here += lanes;
            const vf score = load(dot + i) - load(half_norm + i);
            const vi wins  = score > best_lane;
            best_lane      = (vf) (((vi) score & wins) | ((vi) best_lane & ~wins));
            at             = (here & wins) | (at & ~wins);
        }
        best  = best_lane[0];
        index = at[0];
        for (int j = 1; j < lanes; j++) {
            if (best_lane[j] > best || (best_lane[j] == best && at[j] < index)) {
                best  = best_lane[j];
                index = at[j];
            }
        }
    }
    for (; i < n; i++) {
        const float score = dot[i] - half_norm[i];
        if (score > best) {
            best  = score;
            index = static_cast<int32_t>(i);
        }
    }
    return index;
}

void add(float * dst, const float * src, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        dst[i] += src[i];
    }
}

void subtract(float * dst, const float * src, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        dst[i] -= src[i];
    }
}

// Round to nearest even, overflow to infinity; integer arithmetic, so the same on every instruction set.
void f32_to_f16(const float * src, uint16_t * dst, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, src + i, sizeof(u));
        const uint32_t sign = (u >> 16) & 0x8000U;
        u &= 0x7fffffffU;
        uint32_t h;
        if (u >= 0x47800000U) {  // 65536 and above, infinity, NaN
            h = u > 0x7f800000U ? 0x7e00U : 0x7c00U;
        } else if (u < 0x38800000U) {  // subnormal in f16: let the float adder round
            float f;
            memcpy(&f, &u, sizeof(f));
            f += 0.5F;
            memcpy(&h, &f, sizeof(h));
            h -= 0x3f000000U;
        } else {
            h = (u - 0x38000000U + 0xfffU + ((u >> 13) & 1U)) >> 13;
        }
        dst[i] = static_cast<uint16_t>(sign | h);
    }
}

const kernel_table table = { KSTT_STRING(KSTT_KERNEL_ISA),
                             matmul,
                             attend,
                             elu,
                             nearest,
                             add,
                             subtract,
                             f32_to_f16,
                             KSTT_JOIN(quantize_, KSTT_KERNEL_ISA),
                             KSTT_JOIN(matmul_packed_, KSTT_KERNEL_ISA) };

}  // namespace

const kernel_table & KSTT_JOIN(kernels_, KSTT_KERNEL_ISA)();

const kernel_table & KSTT_JOIN(kernels_, KSTT_KERNEL_ISA)() {
    return table;
}

}  // namespace kstt
