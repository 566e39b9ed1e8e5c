#include "cuda/device-weights.h"

#include "nn/graph-scope.h"
#include "nn/packed-weight.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace kstt::gpu {

namespace {

// Kinds the kernels read; the rest are expanded to f16 first, which is finer than what they were cut to.
bool has_kernel(ggml_type type) {
    return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 || type == GGML_TYPE_Q8_0 ||
           type == GGML_TYPE_Q4_0;
}

matrix_kind kind_of_type(ggml_type type) {
    switch (type) {
    case GGML_TYPE_F32:
        return matrix_kind::f32;
    case GGML_TYPE_F16:
        return matrix_kind::f16;
    case GGML_TYPE_BF16:
        return matrix_kind::bf16;
    case GGML_TYPE_Q8_0:
        return matrix_kind::q8_0;
    case GGML_TYPE_Q4_0:
        return matrix_kind::q4_0;
    default:
        throw error(KSTT_STATUS_INTERNAL, format("no CUDA kernels for weights of type %s", ggml_type_name(type)));
    }
}

// Whether f32 values are bf16 numbers, all of them: transformers' conversion of the published checkpoints widens the
// table and the head without adding anything.
bool is_widened_bf16(const ggml_tensor * tensor) {
    if (tensor->type != GGML_TYPE_F32) {
        return false;
    }
    const auto *  values = static_cast<const uint32_t *>(tensor->data);
    const int64_t n      = ggml_nelements(tensor);
    for (int64_t i = 0; i < n; i++) {
        if ((values[i] & 0xffffU) != 0) {
            return false;
        }
    }
    return true;
}

ggml_type type_without_padding(const ggml_tensor * tensor) {
    return is_widened_bf16(tensor) ? GGML_TYPE_BF16 : tensor->type;
}

// The type that the parts are brought to: their own where it is one and has kernels.
ggml_type common_type(const std::vector<const ggml_tensor *> & parts, bool want_f32) {
    if (want_f32) {
        return GGML_TYPE_F32;
    }
    const ggml_type first = type_without_padding(parts.front());
    for (const ggml_tensor * part : parts) {
        if (type_without_padding(part) != first || !has_kernel(first)) {
            return GGML_TYPE_F16;
        }
    }
    return first;
}

// Rows of all parts, one after the other, in `type`.
std::vector<uint8_t> join_rows(const std::vector<const ggml_tensor *> & parts, ggml_type type) {
    std::vector<uint8_t> rows;
    for (const ggml_tensor * part : parts) {
        KSTT_CHECK(!is_packed(part) && part->ne[0] == parts.front()->ne[0]);
        const auto n  = ggml_nelements(part);
        const auto at = rows.size();
        rows.resize(at + ggml_row_size(type, part->ne[0]) * static_cast<size_t>(part->ne[1]));
        if (part->type == type) {
            std::memcpy(rows.data() + at, part->data, rows.size() - at);
            continue;
        }
        std::vector<float> values(static_cast<size_t>(n));
        if (part->type == GGML_TYPE_F32) {
            std::memcpy(values.data(), part->data, values.size() * sizeof(float));
        } else {
            ggml_get_type_traits(part->type)->to_float(part->data, values.data(), n);
        }
        if (type == GGML_TYPE_F32) {
            std::memcpy(rows.data() + at, values.data(), values.size() * sizeof(float));
        } else {
            ggml_get_type_traits(type)->from_float_ref(values.data(), rows.data() + at, n);
        }
    }
    return rows;
}

table_kind table_kind_of(ggml_type type) {
    switch (type) {
    case GGML_TYPE_F32:
        return table_kind::f32;
    case GGML_TYPE_F16:
        return table_kind::f16;
    case GGML_TYPE_BF16:
        return table_kind::bf16;
    case GGML_TYPE_Q8_0:
        return table_kind::q8_0;
    default:
        return table_kind::q4_0;
    }
}

// Strips that one thread packs at a time.
constexpr int64_t pack_strips = 8;

}  // namespace

device_weights::device_weights(const stt_model & model) : model_(model) {
    load_decoder();
    load_codec();
}

device_weights::~device_weights() = default;

void * device_weights::keep(const void * host, size_t n_bytes) {
    memory_.emplace_back(n_bytes);
    n_bytes_ += static_cast<int64_t>(n_bytes);
    stream_.upload(memory_.back().as<void>(), host, n_bytes);
    stream_.wait();
    return memory_.back().as<void>();
}

const float * device_weights::vector(const ggml_tensor * tensor) {
    if (tensor == nullptr) {
        return nullptr;
    }
    KSTT_CHECK(tensor->type == GGML_TYPE_F32);
    const auto         n = ggml_nelements(tensor);
    std::vector<float> padded(static_cast<size_t>(round_up(n, 64)), 0.0F);
    std::memcpy(padded.data(), tensor->data, static_cast<size_t>(n) * sizeof(float));
    return static_cast<const float *>(keep(padded.data(), padded.size() * sizeof(float)));
}

device_matrix device_weights::matrix(const std::vector<const ggml_tensor *> & parts, bool paired, bool want_f32) {
    const ggml_type            type = common_type(parts, want_f32);
    const std::vector<uint8_t> rows = join_rows(parts, type);
    device_matrix              result;
    result.shape.kind   = kind_of_type(type);
    result.shape.k      = parts.front()->ne[0];
    result.shape.paired = paired && result.shape.kind != matrix_kind::f32;
    for (const ggml_tensor * part : parts) {
        result.shape.n_out += part->ne[1];
    }
    std::vector<uint8_t> quants(result.shape.quant_bytes());
    std::vector<uint8_t> scales(result.shape.scale_bytes());
    const int64_t        n_strips = result.shape.n_strips();
    const int64_t        n_chunks = (n_strips + pack_strips - 1) / pack_strips;
    thread_pool          pool(n_hardware_threads());
    pool.run(n_chunks, [&](int64_t chunk, int32_t) {
        pack_matrix(result.shape,
                    rows.data(),
                    chunk * pack_strips,
                    std::min((chunk + 1) * pack_strips, n_strips),
                    quants.data(),
                    scales.data());
    });
    result.quants = keep(quants.data(), quants.size());
    result.scales = scales.empty() ? nullptr : static_cast<const uint16_t *>(keep(scales.data(), scales.size()));
    return result;
}

device_block device_weights::block(const block_weights & weights, bool paired, bool want_f32) {
    device_block result;
    result.qkv            = matrix({ weights.q, weights.k, weights.v }, false, want_f32);
    result.o              = matrix({ weights.o }, false, want_f32);
    result.fc1            = matrix({ weights.fc1 }, paired, want_f32);
    result.fc2            = matrix({ weights.fc2 }, false, want_f32);
    result.attn_norm      = vector(weights.attn_norm);
    result.attn_norm_bias = vector(weights.attn_norm_bias);
    result.o_bias         = vector(weights.o_bias);
    result.attn_scale     = vector(weights.attn_scale);
    result.mlp_norm       = vector(weights.mlp_norm);
    result.mlp_norm_bias  = vector(weights.mlp_norm_bias);
    result.mlp_scale      = vector(weights.mlp_scale);
    if (weights.q_bias != nullptr) {
        std::vector<float> joined;
        for (const ggml_tensor * part : { weights.q_bias, weights.k_bias, weights.v_bias }) {
            const auto * from = static_cast<const float *>(part->data);
            joined.insert(joined.end(), from, from + ggml_nelements(part));
        }
        result.qkv_bias = static_cast<const float *>(keep(joined.data(), joined.size() * sizeof(float)));
    }
    return result;
}

device_convolution device_weights::convolution(const conv1d_weights & weights) {
    device_convolution result;
    result.shape  = weights.shape;
    result.weight = matrix({ weights.weight }, false, true);
    result.bias   = vector(weights.bias);
    return result;
}

void device_weights::load_decoder() {
    const decoder_weights & weights = model_.decoder;
    const ggml_type         embed   = common_type({ weights.embed }, false);
    if (embed == weights.embed->type) {
        decoder_.embed = keep(weights.embed->data, ggml_nbytes(weights.embed));
    } else {
        const std::vector<uint8_t> rows = join_rows({ weights.embed }, embed);
        decoder_.embed                  = keep(rows.data(), rows.size());
    }
    decoder_.embed_kind = table_kind_of(embed);
    // One f32 matrix among a layer's makes all f32: the two kinds of products hand different things on.
    for (const block_weights & each : weights.blocks) {
        for (const ggml_tensor * tensor : { each.q, each.k, each.v, each.o, each.fc1, each.fc2 }) {
            decoder_.is_f32 |= type_without_padding(tensor) == GGML_TYPE_F32;
        }
    }
    for (const block_weights & each : weights.blocks) {
        decoder_.blocks.push_back(block(each, true, decoder_.is_f32));
    }
    decoder_.norm = vector(weights.norm);
    decoder_.head = matrix({ weights.head }, false, decoder_.is_f32);
    if (weights.extra_heads != nullptr) {
        decoder_.extra_heads = matrix({ weights.extra_heads }, false, true);
    }
}

void device_weights::load_codec() {
    const mimi_weights & weights = model_.mimi;
    for (const seanet_layer & layer : weights.seanet) {
        device_seanet_layer to;
        to.is_residual = layer.is_residual;
        to.elu_first   = layer.elu_first;
        to.conv        = convolution(layer.conv);
        if (layer.is_residual) {
            to.pointwise = convolution(layer.pointwise);
        }
        if (layer.shortcut) {
            to.has_shortcut = true;
            to.shortcut     = convolution(*layer.shortcut);
        }
        codec_.seanet.push_back(to);
    }
    for (const block_weights & each : weights.blocks) {
        codec_.blocks.push_back(block(each, false, true));
    }
    if (weights.downsample) {
        codec_.downsample = convolution(*weights.downsample);
    }
    if (weights.semantic.input_proj != nullptr) {
        codec_.has_proj      = true;
        codec_.semantic_proj = matrix({ weights.semantic.input_proj }, false, true);
        codec_.acoustic_proj = matrix({ weights.acoustic.input_proj }, false, true);
    }
    std::vector<float> entries;
    std::vector<float> half_norm;
    for (const residual_vq_weights * quantizer : { &weights.semantic, &weights.acoustic }) {
        for (const codebook_weights & book : quantizer->codebooks) {
            const auto * from = static_cast<const float *>(book.entries->data);
            const auto * norm = static_cast<const float *>(book.half_norm->data);
            entries.insert(entries.end(), from, from + ggml_nelements(book.entries));
            half_norm.insert(half_norm.end(), norm, norm + ggml_nelements(book.half_norm));
            codec_.dim       = static_cast<int32_t>(book.entries->ne[0]);
            codec_.n_entries = static_cast<int32_t>(book.entries->ne[1]);
        }
    }
    codec_.entries   = static_cast<const float *>(keep(entries.data(), entries.size() * sizeof(float)));
    codec_.half_norm = static_cast<const float *>(keep(half_norm.data(), half_norm.size() * sizeof(float)));
}

}  // namespace kstt::gpu
