// The inner loops of the core, compiled once per instruction set and chosen at run time.
//
// Numerical contract: each output element is accumulated over k (or over keys, oldest first) in one fixed order that
// does not depend on how many columns, rows, slots, or threads take part. Hence streaming = offline = batched, bit for
// bit, on one machine.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace kstt {

// The q kinds are ggml's, laid out anew (packed-weights.h), and go through matmul_packed.
enum class weight_kind : int32_t { f32, f16, bf16, q8_0, q4_0, q4_k };

// 32 activations of one column, rounded to the nearest of 255 steps; a column is k / 32 of them.
struct activation_block {
    float   scale;
    int32_t sum;         // of the quants
    float   scaled_sum;  // sum * scale
    int8_t  quants[32];
#ifdef __wasm__
    int16_t words[32];  // the quants once more, as packed-dot-wasm.h multiplies them
#endif
};

// y[t][o] = residual[t][o] + scale[o] * (bias[o] + sum_k w[o][k] * x[t][k]) for o in [o0, o1), t in [t0, t1).
struct matmul_args {
    const void *             w            = nullptr;  // [n_out][k], rows contiguous
    weight_kind              kind         = weight_kind::f32;
    int64_t                  k            = 0;
    int64_t                  n_out        = 0;  // rows of w in all, of which [o0, o1) are asked for
    const float *            x            = nullptr;
    const activation_block * x_blocks     = nullptr;  // matmul_packed: the columns, one after the other, instead of x
    int64_t                  x_stride     = 0;  // floats between columns; < k makes overlapping windows (convolution)
    int64_t                  group        = INT64_MAX;  // columns per batch row; column t lies in row t / group
    int64_t                  group_stride = 0;          // floats between batch rows of x
    float *                  y            = nullptr;
    int64_t                  y_stride     = 0;
    const float *            bias         = nullptr;  // [n_out] or nullptr
    const float *            scale        = nullptr;  // [n_out] or nullptr
    const float *            residual     = nullptr;  // laid out as y, or nullptr; may be y itself
    int64_t                  o0 = 0, o1 = 0, t0 = 0, t1 = 0;
};

// One query head against a KV ring.
struct attention_args {
    const float * q        = nullptr;  // [head_dim], rotated, not scaled
    const void *  k        = nullptr;  // ring of one KV head: position p at element (p % capacity) * stride
    const void *  v        = nullptr;
    weight_kind   kind     = weight_kind::f32;  // f32 or f16
    int64_t       stride   = 0;
    int64_t       capacity = 0;
    int64_t       first    = 0;  // oldest visible position
    int64_t       n_keys   = 0;
    int64_t       head_dim = 0;
    float         scale    = 1.0F;
    const float * bias     = nullptr;  // [n_keys] added to the scaled scores, or nullptr; not -infinity for all keys
    float *       scores   = nullptr;  // scratch, n_keys floats; afterwards the softmax over the keys
    float *       out      = nullptr;  // [head_dim]
};

struct kernel_table {
    const char * name;
    void (*matmul)(const matmul_args & args);
    void (*attend)(const attention_args & args);
    // y = x > 0 ? x : exp(x) - 1
    void (*elu)(const float * x, float * y, int64_t n);
    // Index of the first maximum of dot[i] - half_norm[i].
    int32_t (*nearest)(const float * dot, const float * half_norm, int64_t n);
    // dst[i] += src[i]; dst[i] -= src[i]
    void (*add)(float * dst, const float * src, int64_t n);
    void (*subtract)(float * dst, const float * src, int64_t n);
    void (*f32_to_f16)(const float * src, uint16_t * dst, int64_t n);
    // For products with packed weights of this kind. n a multiple of 32. The same bits on every instruction set.
    void (*quantize)(weight_kind kind, const float * x, int64_t n, activation_block * blocks);
    // The product for packed weights; the same bits on every instruction set.
    void (*matmul_packed)(const matmul_args & args);
};

// The table for this processor; chosen once. KSTT_KERNELS=base|avx2|avxvnni|avx512|avx512vnni in the
// environment forces one, likewise simd128|relaxed in WebAssembly.
const kernel_table & kernels();

// The tables this processor can run, best first; n_tables at most 5.
const kernel_table * const * available_kernels(int32_t * n_tables);

}  // namespace kstt
