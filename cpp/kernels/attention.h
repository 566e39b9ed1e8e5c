// One query head against a KV ring. Included only through kernels.cpp.
#pragma once

#include "kernels/kernels.h"
#include "kernels/weight-reader.h"

namespace kstt {

namespace {

template <weight_kind KIND>
void score_keys(const attention_args & a, int64_t slot, int64_t n, float * scores) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    const element *               base = static_cast<const element *>(a.k) + slot * a.stride;
    for (int64_t i = 0; i < n; i++) {
        const element * key = base + i * a.stride;
        vf              acc = splat(0.0F);
        int64_t         d   = 0;
        for (; d + lanes <= a.head_dim; d += lanes) {
            acc = multiply_add(reader::vector(key + d), load(a.q + d), acc);
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
                acc[j] = multiply_add(weight, reader::vector(value + j * lanes), acc[j]);
            }
        }
    }
    for (int j = 0; j < N; j++) {
        store(a.out + d0 + j * lanes, acc[j]);
    }
}

// The last head_dim % lanes elements. In vectors, too: a compiler may round a scalar loop over a run of keys in one way
// and the rest of the run in another, and then the result would depend on where the ring ends.
template <weight_kind KIND>
void weigh_rest(const attention_args & a, int64_t d0, const int64_t * slots, const int64_t * counts) {
    typedef weight_reader<KIND>   reader;
    typedef typename reader::type element;
    const int64_t                 n   = a.head_dim - d0;
    vf                            acc = splat(0.0F);
    const float *                 p   = a.scores;
    for (int segment = 0; segment < 2; segment++) {
        const element * value = static_cast<const element *>(a.v) + slots[segment] * a.stride + d0;
        for (int64_t i = 0; i < counts[segment]; i++, value += a.stride) {
            acc = multiply_add(splat(*p++), reader::first(value, n), acc);
        }
    }
    float sums[lanes];
    store(sums, acc);
    memcpy(a.out + d0, sums, static_cast<size_t>(n) * sizeof(float));
}

template <weight_kind KIND>
void attend_kind(const attention_args & a) {
    // The ring in time order is at most two runs of slots.
    const int64_t start     = a.first % a.capacity;
    const int64_t until_end = a.capacity - start;
    const int64_t slots[2]  = { start, 0 };
    const int64_t counts[2] = { a.n_keys < until_end ? a.n_keys : until_end,
                                a.n_keys < until_end ? 0 : a.n_keys - until_end };
    score_keys<KIND>(a, slots[0], counts[0], a.scores);
    score_keys<KIND>(a, slots[1], counts[1], a.scores + counts[0]);
    if (a.bias != nullptr) {
        for (int64_t i = 0; i < a.n_keys; i++) {
            a.scores[i] += a.bias[i];
        }
    }

    float max = a.scores[0];
    for (int64_t i = 1; i < a.n_keys; i++) {
        max = a.scores[i] > max ? a.scores[i] : max;
    }
    float   sum = 0.0F;
    int64_t i   = 0;
    vf      acc = splat(0.0F);
    for (; i + lanes <= a.n_keys; i += lanes) {
        const vf e = exp_negative(load(a.scores + i) - splat(max));
        store(a.scores + i, e);
        acc += e;
    }
    if (i < a.n_keys) {
        float last[lanes];
        for (int j = 0; j < lanes; j++) {
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
    for (; d + 4 * lanes <= a.head_dim; d += 4 * lanes) {
        weigh_block<KIND, 4>(a, d, slots, counts);
    }
    for (; d + lanes <= a.head_dim; d += lanes) {
        weigh_block<KIND, 1>(a, d, slots, counts);
    }
    if (d < a.head_dim) {
        weigh_rest<KIND>(a, d, slots, counts);
    }
}

void attend(const attention_args & a) {
    if (a.kind == weight_kind::f16) {
        attend_kind<weight_kind::f16>(a);
    } else {
        attend_kind<weight_kind::f32>(a);
    }
}

}  // namespace

}  // namespace kstt
