// The kernels as the executors call them. All pointers are the device's. A launch only adds work to the stream.
//
// A column is one step of one slot: activations are [column][width], widths rounded up to 64 and zero beyond their end.
//
// Numerical contract, as that of cpp/kernels: an element of a result depends on its own column alone, and is summed in
// an order that does not depend on how many columns there are. Products cut k into sections, sum each in one chain and
// the sections in their order, whichever kernel does it. Hence one stream = many streams = drafts, bit for bit.
#pragma once

#include "cuda/device-api.h"
#include "cuda/weight-layout.h"

#include <cstdint>

namespace kstt::gpu {

// A packed matrix on the device.
struct device_matrix {
    matrix_shape     shape;
    const void *     quants = nullptr;
    const uint16_t * scales = nullptr;
};

// Sums of the squares of 16 values each, from which the next RMSNorm takes its mean: [column][n_strips].
struct column_sums {
    float * sums     = nullptr;
    int32_t n_strips = 0;
};

// ---- 16-bit and quantized weights ---------------------------------------------------------------------------------

enum class product_end : int32_t {
    store,     // y = W x
    residual,  // y += W x, and the sums of its squares
    swiglu     // y[i] = silu(gate) * value; the matrix is paired
};

// bf16 halves of the columns, for products with many of them: [capacity][width] each.
struct column_planes {
    uint16_t * high = nullptr;
    uint16_t * low  = nullptr;
};

struct product_call {
    device_matrix w;
    const float * x         = nullptr;  // [n_columns][x_stride]
    int32_t       x_stride  = 0;
    int32_t       n_columns = 0;
    // With them RMSNorm comes first: x * weight / sqrt(mean of squares + eps).
    const float * norm      = nullptr;  // [x_stride], zero beyond k
    column_sums   norm_sums;
    float         eps      = 0.0F;
    float *       y        = nullptr;  // [n_columns][y_stride]
    int32_t       y_stride = 0;
    product_end   end      = product_end::store;
    column_sums   sums;    // residual: written
    column_planes planes;  // scratch, from 9 columns on; room for n_columns rounded up to 64
};

void launch_product(stream & on, const product_call & call);

// ---- f32 weights: convolutions, the codec's transformer, f32 checkpoints -------------------------------------------

// What a product reads as column t of row r: kernel_size columns from t * stride - context on, `dilation` apart. Before
// the first comes the slot's state, or what a stream begins with; behind the last come zeros or the last one again.
struct window_source {
    const float *   x         = nullptr;  // [n_rows][columns][n_in], n_in floats apart
    const float *   state     = nullptr;  // [slot][context][n_in], activated values; nullptr: no context
    const int32_t * slots     = nullptr;  // [n_rows]; < 0: the row is not used
    const int32_t * positions = nullptr;  // [n_rows]; 0: the stream begins
    int32_t         n_in      = 0;
    int32_t         columns   = 0;
    int32_t         stride    = 1;
    int32_t         dilation  = 1;
    int32_t         context   = 0;
    int32_t         x_stride  = 0;  // floats between columns; n_in for convolutions
    bool            elu       = false;
    bool            replicate = false;
};

struct norm_call {
    const float * weight = nullptr;  // [k]; nullptr: no norm
    const float * bias   = nullptr;  // with it LayerNorm, without RMSNorm
    float         eps    = 0.0F;
};

struct f32_call {
    device_matrix w;  // f32
    window_source source;
    int32_t       n_rows      = 1;
    int32_t       out_columns = 1;     // per row
    norm_call     norm;                // of the columns read; plain products only
    const float * bias     = nullptr;  // [n_out]
    bool          gelu     = false;
    const float * scale    = nullptr;  // [n_out]
    const float * residual = nullptr;  // as y; may be y
    float *       y        = nullptr;  // [row][out column][y_stride]
    int32_t       y_stride = 0;
    float *       normed   = nullptr;  // scratch for a norm before many columns, as x
};

void launch_f32_product(stream & on, const f32_call & call);

// y = silu(first half of x) * second half; x [n][x_stride] holds 2 * width values, y [n][y_stride].
void launch_swiglu(
    stream & on, const float * x, int32_t x_stride, float * y, int32_t y_stride, int32_t width, int32_t n_columns);

// What one convolution keeps for the next call.
struct context_entry {
    window_source source;
    float *       state = nullptr;
};

// Moves the states of all entries (an array on the device) on by one call.
void launch_contexts(stream & on, const context_entry * entries, int32_t n_entries, int32_t n_rows);

// ---- decoder ------------------------------------------------------------------------------------------------------

enum class table_kind : int32_t { f32, f16, bf16, q8_0, q4_0 };

struct embedding_call {
    const void *    table     = nullptr;  // [rows][hidden] in the model's form
    table_kind      kind      = table_kind::f32;
    const int32_t * ids       = nullptr;  // [n_columns][n_ids], rows of the table
    const int32_t * slots     = nullptr;  // [n_rows]; < 0: not used
    const int32_t * positions = nullptr;  // [n_rows], of each row's first column
    int32_t         n_ids     = 0;
    int32_t         n_columns = 0;  // of all rows
    int32_t         per_row   = 1;
    int32_t         hidden    = 0;
    int32_t         x_stride  = 0;
    float *         x         = nullptr;
    column_sums     sums;
};

// x = sum of the table's rows, text first.
void launch_embedding(stream & on, const embedding_call & call);

struct rope_call {
    const double *  frequencies = nullptr;  // [head_dim / 2]
    const int32_t * positions   = nullptr;  // [n_rows]
    int32_t         n_columns   = 0;
    int32_t         per_row     = 1;
    int32_t         head_dim    = 0;
    bool            reference   = false;    // see rope_precision
    float *         table       = nullptr;  // [n_columns][head_dim]: cosines, then sines
};

void launch_rope_table(stream & on, const rope_call & call);

enum class ring_kind : int32_t { f32, f16, q8 };

// Ring of one layer, keys or values: [slot][kv head][capacity][head_stride]; q8 has scales per 32 values beside it.
struct ring_memory {
    void *  values = nullptr;
    float * scales = nullptr;  // [slot][kv head][capacity][head_stride / 32]
};

struct attention_call {
    const float *   qkv       = nullptr;  // [n_columns][qkv_stride]: queries, keys, values, before rotation
    const float *   rope      = nullptr;  // [n_columns][head_dim]
    const int32_t * slots     = nullptr;
    const int32_t * positions = nullptr;
    ring_memory     keys;
    ring_memory     values;
    ring_kind       kind       = ring_kind::f16;
    int32_t         qkv_stride = 0;
    int32_t         n_rows     = 0;
    int32_t         per_row    = 1;
    int32_t         n_heads    = 0;
    int32_t         n_kv_heads = 0;
    int32_t         head_dim   = 0;
    int32_t         window     = 0;
    int32_t         group      = 1;  // see kv_ring_shape
    int32_t         capacity   = 0;
    float *         out        = nullptr;  // [n_columns][out_stride]
    int32_t         out_stride = 0;
    float *         partials   = nullptr;  // scratch, attention_scratch() floats
    uint32_t *      counters   = nullptr;  // [n_columns][n_heads], zero between launches
};

// Width of a head in the rings.
constexpr int32_t head_stride(int32_t head_dim) {
    return static_cast<int32_t>(round_up(head_dim, 32));
}

size_t attention_scratch(int64_t n_columns, int64_t n_heads, int64_t head_dim, int64_t window);

// Rotates queries and keys, writes the new keys and values into the rings, attends.
void launch_attention(stream & on, const attention_call & call);

// First maximum of n logits, and its probability among them: tokens [n_columns], probabilities [n_columns].
void launch_pick(stream &      on,
                 const float * logits,
                 int32_t       stride,
                 int32_t       n,
                 int32_t       n_columns,
                 int32_t *     tokens,
                 float *       probabilities);

// ---- quantizer ----------------------------------------------------------------------------------------------------

struct codebook_call {
    const float * entries     = nullptr;  // [n_codebooks][n_entries][dim], one quantizer's after the other
    const float * half_norm   = nullptr;  // [n_codebooks][n_entries]
    const float * semantic    = nullptr;  // [n_frames][stride], projected; codebooks 0 .. n_semantic - 1
    const float * acoustic    = nullptr;  // [n_frames][stride]; the rest
    int32_t       stride      = 0;
    int32_t       n_frames    = 0;
    int32_t       n_codebooks = 0;
    int32_t       n_semantic  = 0;
    int32_t       n_entries   = 0;
    int32_t       dim         = 0;
    int32_t *     codes       = nullptr;  // [n_frames][n_codebooks]
    float *       scores      = nullptr;  // scratch: codebook_scratch() floats
    int32_t *     winners     = nullptr;  // scratch, as many
    uint32_t *    counters    = nullptr;  // scratch: one per group of frames, zeroed by the launch
};

// Frames that share the blocks of one group, and blocks of a group.
constexpr int32_t frames_per_group = 8;

struct codebook_plan {
    int32_t n_groups = 1;  // at one time; more frames take their turns
    int32_t n_parts  = 1;  // blocks that share the entries
};

codebook_plan plan_codebooks(int32_t n_frames, int32_t n_processors);
size_t        codebook_scratch(const codebook_plan & plan);

// Nearest entry of each codebook in turn, in one launch.
void launch_codebooks(stream & on, const codebook_call & call, const codebook_plan & plan);

}  // namespace kstt::gpu
