// Compiled once per instruction set (cmake/kernels.cmake); exports one function, kernels_<isa>(). Only C headers and
// static functions here: an inline function shared with other sources could be taken from the wrong build.
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
    static inline float scalar(const type * p) { return f16_to_f32(*p); }
};

template <>
struct weight_reader<weight_kind::bf16> {
    typedef uint16_t    type;
    static inline vf    vector(const type * p) { return load(p, true); }
    static inline float scalar(const type * p) { return bf16_to_f32(*p); }
};

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

// R rows of w against C columns of x: R * C accumulators, each over the whole of k.
template <weight_kind KIND, int R, int C>
void tile(const matmul_args & a, int64_t o, int64_t t) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    const int64_t                 k = a.k;
    const element *               w[R];
    const float *                 x[C];
    vf                            acc[R][C];
    for (int r = 0; r < R; r++) {
        w[r] = static_cast<const element *>(a.w) + (o + r) * k;
        for (int c = 0; c < C; c++) {
            acc[r][c] = splat(0.0F);
        }
    }
    for (int c = 0; c < C; c++) {
        x[c] = a.x + (t + c) / a.group * a.group_stride + (t + c) % a.group * a.x_stride;
    }
    int64_t i = 0;
    for (; i + KSTT_LANES <= k; i += KSTT_LANES) {
        vf xv[C];
        for (int c = 0; c < C; c++) {
            xv[c] = load(x[c] + i);
        }
        for (int r = 0; r < R; r++) {
            const vf wv = reader::vector(w[r] + i);
            for (int c = 0; c < C; c++) {
                acc[r][c] += wv * xv[c];
            }
        }
    }
    for (int r = 0; r < R; r++) {
        for (int c = 0; c < C; c++) {
            float tail = 0.0F;
            for (int64_t j = i; j < k; j++) {
                tail += reader::scalar(w[r] + j) * x[c][j];
            }
            finish(a, o + r, t + c, sum_lanes(acc[r][c]) + tail);
        }
    }
}

// Columns of one strip of R rows. C is sized so that the accumulators fit the registers.
template <weight_kind KIND, int R, int C>
void strip(const matmul_args & a, int64_t o, int64_t t0, int64_t t1) {
    int64_t t = t0;
    for (; t + C <= t1; t += C) {
        tile<KIND, R, C>(a, o, t);
    }
    for (; t + 2 <= t1; t += 2) {
        tile<KIND, R, 2>(a, o, t);
    }
    for (; t < t1; t++) {
        tile<KIND, R, 1>(a, o, t);
    }
}

template <weight_kind KIND>
void matmul_kind(const matmul_args & a) {
#if KSTT_LANES == 16
    enum { rows = 4, columns = 6 };
#else
    enum { rows = 4, columns = 2 };
#endif
    // Keep the columns of one pass in the second-level cache: 256 KiB of x.
    const int64_t per_column = a.x_stride > 0 ? a.x_stride * 4 : a.k * 4;
    int64_t       block      = 262144 / per_column;
    block                    = block < 4 * columns ? 4 * columns : block / columns * columns;
    for (int64_t t0 = a.t0; t0 < a.t1; t0 += block) {
        const int64_t t1 = t0 + block < a.t1 ? t0 + block : a.t1;
        int64_t       o  = a.o0;
        if (t1 - t0 == 1) {
            // One column: bound by reading w; more rows at once keep more reads in flight.
            for (; o + 8 <= a.o1; o += 8) {
                tile<KIND, 8, 1>(a, o, t0);
            }
        }
        for (; o + rows <= a.o1; o += rows) {
            strip<KIND, rows, columns>(a, o, t0, t1);
        }
        for (; o < a.o1; o++) {
            strip<KIND, 1, columns>(a, o, t0, t1);
        }
    }
}

void matmul(const matmul_args & a) {
    switch (a.kind) {
    case weight_kind::f32:
        return matmul_kind<weight_kind::f32>(a);
    case weight_kind::f16:
        return matmul_kind<weight_kind::f16>(a);
    case weight_kind::bf16:
        return matmul_kind<weight_kind::bf16>(a);
    }
}

template <weight_kind KIND>
void score_keys(const attention_args & a, int64_t slot, int64_t n, float * scores) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    const element *               base = static_cast<const element *>(a.k) + slot * a.stride;
    for (int64_t i = 0; i < n; i++) {
        const element * key = base + i * a.stride;
        vf              acc = splat(0.0F);
        int64_t         d   = 0;
        for (; d + KSTT_LANES <= a.head_dim; d += KSTT_LANES) {
            acc += reader::vector(key + d) * load(a.q + d);
        }
        float tail = 0.0F;
        for (; d < a.head_dim; d++) {
            tail += reader::scalar(key + d) * a.q[d];
        }
        scores[i] = (sum_lanes(acc) + tail) * a.scale;
    }
}

// out[d0 .. d0 + N*lanes) += sum_i p[i] * v[i]; keys in order, one accumulator per element.
template <weight_kind KIND, int N>
void weigh_block(const attention_args & a, int64_t d0, const int64_t * slots, const int64_t * counts) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    vf                            acc[N];
    for (int j = 0; j < N; j++) {
        acc[j] = splat(0.0F);
    }
    const float * p = a.scores;
    for (int segment = 0; segment < 2; segment++) {
        const element * value = static_cast<const element *>(a.v) + slots[segment] * a.stride + d0;
        for (int64_t i = 0; i < counts[segment]; i++, value += a.stride) {
            const vf weight = splat(*p++);
            for (int j = 0; j < N; j++) {
                acc[j] += weight * reader::vector(value + j * KSTT_LANES);
            }
        }
    }
    for (int j = 0; j < N; j++) {
        store(a.out + d0 + j * KSTT_LANES, acc[j]);
    }
}

template <weight_kind KIND>
void attend_kind(const attention_args & a) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    // The ring in time order is at most two runs of slots.
    const int64_t                 start     = a.first % a.capacity;
    const int64_t                 until_end = a.capacity - start;
    const int64_t                 slots[2]  = { start, 0 };
    const int64_t                 counts[2] = { a.n_keys < until_end ? a.n_keys : until_end,
                                a.n_keys < until_end ? 0 : a.n_keys - until_end };
    score_keys<KIND>(a, slots[0], counts[0], a.scores);
    score_keys<KIND>(a, slots[1], counts[1], a.scores + counts[0]);

    float max = a.scores[0];
    for (int64_t i = 1; i < a.n_keys; i++) {
        max = a.scores[i] > max ? a.scores[i] : max;
    }
    float   sum = 0.0F;
    int64_t i   = 0;
    vf      acc = splat(0.0F);
    for (; i + KSTT_LANES <= a.n_keys; i += KSTT_LANES) {
        const vf e = exp_negative(load(a.scores + i) - splat(max));
        store(a.scores + i, e);
        acc += e;
    }
    if (i < a.n_keys) {
        float last[KSTT_LANES];
        for (int j = 0; j < KSTT_LANES; j++) {
            last[j] = i + j < a.n_keys ? a.scores[i + j] - max : -1000.0F;
        }
        const vf e = exp_negative(load(last));
        store(last, e);
        acc += e;
        for (int j = 0; i + j < a.n_keys; j++) {
            a.scores[i + j] = last[j];
        }
    }
    sum                 = sum_lanes(acc);
    const float inverse = 1.0F / sum;
    for (i = 0; i < a.n_keys; i++) {
        a.scores[i] *= inverse;
    }

    int64_t d = 0;
    for (; d + 4 * KSTT_LANES <= a.head_dim; d += 4 * KSTT_LANES) {
        weigh_block<KIND, 4>(a, d, slots, counts);
    }
    for (; d + KSTT_LANES <= a.head_dim; d += KSTT_LANES) {
        weigh_block<KIND, 1>(a, d, slots, counts);
    }
    for (; d < a.head_dim; d++) {
        float         value = 0.0F;
        const float * p     = a.scores;
        for (int segment = 0; segment < 2; segment++) {
            const element * v = static_cast<const element *>(a.v) + slots[segment] * a.stride + d;
            for (int64_t j = 0; j < counts[segment]; j++, v += a.stride) {
                value += *p++ * reader::scalar(v);
            }
        }
        a.out[d] = value;
    }
}

void attend(const attention_args & a) {
    if (a.kind == weight_kind::f16) {
        attend_kind<weight_kind::f16>(a);
    } else {
        attend_kind<weight_kind::f32>(a);
    }
}

void elu(const float * x, float * y, int64_t n) {
    int64_t i = 0;
    for (; i + KSTT_LANES <= n; i += KSTT_LANES) {
        store(y + i, elu_lanes(load(x + i)));
    }
    if (i < n) {
        float last[KSTT_LANES] = { 0 };
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
    if (n >= KSTT_LANES) {
        // Per lane the first maximum, then the first of the lanes' winners.
        vf best_lane = load(dot) - load(half_norm);
        vi at        = { 0 };
        vi here;
        for (int j = 0; j < KSTT_LANES; j++) {
            here[j] = j;
        }
        at = here;
        for (i = KSTT_LANES; i + KSTT_LANES <= n; i += KSTT_LANES) {
            here += KSTT_LANES;
            const vf score = load(dot + i) - load(half_norm + i);
            const vi wins  = score > best_lane;
            best_lane      = (vf) (((vi) score & wins) | ((vi) best_lane & ~wins));
            at             = (here & wins) | (at & ~wins);
        }
        best  = best_lane[0];
        index = at[0];
        for (int j = 1; j < KSTT_LANES; j++) {
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

#define KSTT_STRING_(x)  #x
#define KSTT_STRING(x)   KSTT_STRING_(x)
#define KSTT_JOIN_(a, b) a##b
#define KSTT_JOIN(a, b)  KSTT_JOIN_(a, b)

const kernel_table table = { KSTT_STRING(KSTT_KERNEL_ISA), matmul, attend, elu, nearest, add, subtract, f32_to_f16 };

}  // namespace

const kernel_table & KSTT_JOIN(kernels_, KSTT_KERNEL_ISA)();

const kernel_table & KSTT_JOIN(kernels_, KSTT_KERNEL_ISA)() {
    return table;
}

}  // namespace kstt
