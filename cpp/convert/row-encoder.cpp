#include "convert/row-encoder.h"

#include "io/gguf-file.h"
#include "runtime/error.h"

#include <ggml.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

namespace kstt {
namespace {

// Values per piece: large enough to outweigh the handing out, small enough for a cache.
constexpr int64_t piece_values = 32768;

// Largest finite f16, and the first value that rounds beyond it.
constexpr float f16_limit = 65520.0F;

// The first value that the type cannot hold; n if there is none.
int64_t find_unfit(const float * values, int64_t n, element_type type) {
    const float limit = type == element_type::f16 ? f16_limit : INFINITY;
    for (int64_t i = 0; i < n; ++i) {
        // Also false for NaN.
        if (!(std::abs(values[i]) < limit)) {
            return i;
        }
    }
    return n;
}

void encode_values(const float * values, int64_t n_rows, int64_t row, element_type type, uint8_t * out) {
    const int64_t n = n_rows * row;
    switch (type) {
    case element_type::f32:
        std::memcpy(out, values, static_cast<size_t>(n) * sizeof(float));
        return;
    case element_type::f16:
        ggml_fp32_to_fp16_row(values, reinterpret_cast<ggml_fp16_t *>(out), n);
        return;
    case element_type::bf16:
        ggml_fp32_to_bf16_row_ref(values, reinterpret_cast<ggml_bf16_t *>(out), n);
        return;
    default:
        // GGUF's numbers of types are ggml's.
        ggml_quantize_chunk(static_cast<ggml_type>(gguf_tensor_type(type)), values, out, 0, n_rows, row, nullptr);
        return;
    }
}

}  // namespace

void row_encoder::encode(const tensor_view & rows, element_type type, uint8_t * out) {
    if (rows.type == type) {
        std::memcpy(out, rows.data, rows.n_bytes);
        return;
    }
    const int64_t row       = rows.shape.back();
    const int64_t n_rows    = row == 0 ? 0 : rows.n_elements() / row;
    const int64_t per_piece = std::max<int64_t>(1, piece_values / std::max<int64_t>(row, 1));
    const int64_t n_pieces  = (n_rows + per_piece - 1) / per_piece;
    const size_t  in_bytes  = n_rows == 0 ? 0 : rows.n_bytes / static_cast<size_t>(n_rows);
    const auto    block     = element_type_block(type);
    const size_t  out_bytes = static_cast<size_t>(row / block.n_elements) * block.n_bytes;
    const auto    piece     = static_cast<size_t>(per_piece * row);
    scratch_.resize(std::max(scratch_.size(), piece * static_cast<size_t>(pool_.n_threads())));

    // Position of the first value that does not fit; the lowest of all threads.
    std::atomic<int64_t> unfit{ INT64_MAX };
    pool_.run(n_pieces, [&](int64_t index, int32_t thread) {
        const int64_t first  = index * per_piece;
        const int64_t count  = std::min(per_piece, n_rows - first);
        float *       values = scratch_.data() + static_cast<size_t>(thread) * piece;
        tensor_view   part;
        part.type    = rows.type;
        part.shape   = { count, row };
        part.data    = rows.data + static_cast<size_t>(first) * in_bytes;
        part.n_bytes = static_cast<size_t>(count) * in_bytes;
        convert_to_f32(part, values);
        const int64_t bad = find_unfit(values, count * row, type);
        if (bad < count * row) {
            int64_t seen = unfit.load();
            while (first * row + bad < seen && !unfit.compare_exchange_weak(seen, first * row + bad)) {
            }
            return;
        }
        encode_values(values, count, row, type, out + static_cast<size_t>(first) * out_bytes);
    });
    if (unfit != INT64_MAX) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("tensor %s: value %lld of the rows read cannot be stored as %s: it is not finite%s",
                           rows.name.c_str(),
                           static_cast<long long>(unfit.load()),
                           element_type_name(type),
                           type == element_type::f16 ? ", or beyond 65504; convert to bf16 instead" : ""));
    }
}

}  // namespace kstt
