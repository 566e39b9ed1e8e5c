// The decoder's tensors of the original, candle and MLX files (spec 2.2, 2.3) as canonical ones (spec 2.4).
#include "io/original-tensors.h"
#include "runtime/error.h"

#include <algorithm>

namespace kstt {
namespace {

std::string layer_name(int32_t layer) {
    return "transformer.layers." + std::to_string(layer) + ".";
}

void add_attention(composed_checkpoint & out, const original_tensors & stored, const decoder_config & c, int32_t l) {
    const std::string from    = layer_name(l) + "self_attn.";
    const std::string to      = "model.layers." + std::to_string(l) + ".self_attn.";
    const int64_t     q_width = static_cast<int64_t>(c.num_attention_heads) * c.head_dim;
    const int64_t     k_width = static_cast<int64_t>(c.num_key_value_heads) * c.head_dim;
    const stored_rows qkv =
        stored.need({ from + "in_proj_weight", from + "in_proj.weight", from + "in_projs.0.weight" },
                    { q_width + 2 * k_width, c.hidden_size });
    const auto order = [head_dim = c.head_dim](int64_t row) { return interleaved_row(row, head_dim); };
    out.add(to + "q_proj.linear.weight", { q_width, c.hidden_size }, slice_rows(qkv, 0, q_width), order);
    out.add(to + "k_proj.linear.weight", { k_width, c.hidden_size }, slice_rows(qkv, q_width, k_width), order);
    out.add(to + "v_proj.linear.weight", { k_width, c.hidden_size }, slice_rows(qkv, q_width + k_width, k_width));
    out.add(to + "o_proj.linear.weight",
            { c.hidden_size, q_width },
            stored.need({ from + "out_proj.weight", from + "out_projs.0.weight" }, { c.hidden_size, q_width }));
}

void add_layer(composed_checkpoint & out, const original_tensors & stored, const decoder_config & c, int32_t l) {
    const std::string from = layer_name(l);
    const std::string to   = "model.layers." + std::to_string(l) + ".";
    add_attention(out, stored, c, l);
    const auto norm = [&](const char * target, const std::string & source) {
        out.add(to + target,
                { c.hidden_size },
                stored.need({ from + source + ".alpha", from + source + ".weight" }, { c.hidden_size }));
    };
    norm("input_layernorm.weight", "norm1");
    norm("post_attention_layernorm.weight", "norm2");
    const std::vector<int64_t> in        = { c.ffn_dim, c.hidden_size };
    const std::vector<int64_t> out_shape = { c.hidden_size, c.ffn_dim / 2 };
    out.add(to + "mlp.fc1.weight", in, stored.need({ from + "gating.linear_in.weight" }, in));
    out.add(to + "mlp.fc2.weight", out_shape, stored.need({ from + "gating.linear_out.weight" }, out_shape));
}

stored_rows zero_row(const stored_rows & like) {
    stored_rows zero = like;
    zero.n_rows      = 1;
    zero.data        = nullptr;
    zero.sources     = {};
    // All bits zero are the value zero in every type, the block formats included.
    zero.read        = [n = like.row_bytes](int64_t /*row*/, uint8_t * to) { std::fill_n(to, n, uint8_t{ 0 }); };
    return zero;
}

// Text, audio streams, and the zero row that stands for "no input".
void add_embeddings(composed_checkpoint & out, const original_tensors & stored, const decoder_config & c) {
    std::vector<stored_rows> parts;
    parts.push_back(stored.need({ "text_emb.weight" }, { c.vocab_size, c.hidden_size }));
    for (int32_t k = 0; k < c.table_codebooks; ++k) {
        const std::string index = std::to_string(k);
        parts.push_back(stored.need({ "emb." + index + ".weight", "audio_embs." + index + ".weight" },
                                    { c.codebook_vocab_size, c.hidden_size }));
    }
    parts.push_back(zero_row(parts.back()));
    out.add_joined("model.embed_tokens.embed_tokens.weight", { c.embedding_rows(), c.hidden_size }, parts);
}

void add_head(composed_checkpoint & out, const original_tensors & stored, bool with_zero_row, decoder_config & c) {
    const int64_t     n_tokens = c.vocab_size - 1;
    const stored_rows head     = stored.need({ "text_linear.weight" }, { n_tokens, c.hidden_size });
    if (with_zero_row) {
        out.add_joined("lm_head.weight", { c.vocab_size, c.hidden_size }, { head, zero_row(head) });
        return;
    }
    c.output_vocab_size = static_cast<int32_t>(n_tokens);
    out.add("lm_head.weight", { n_tokens, c.hidden_size }, head);
}

void add_extra_heads(composed_checkpoint &    out,
                     const original_tensors & stored,
                     const original_config &  original,
                     decoder_config &         c) {
    const auto name_of = [](int32_t i) { return "extra_heads." + std::to_string(i) + ".weight"; };
    int32_t    n       = original.extra_heads_num_heads;
    if (n < 0) {
        n = 0;
        while (n < 64 && stored.find({ name_of(n) }) != nullptr) {
            ++n;
        }
    }
    if (n == 0) {
        return;
    }
    // Six classes in the published checkpoint; the first head tells.
    const tensor_view * first = stored.find({ name_of(0) });
    const int64_t       dim   = first != nullptr && !first->shape.empty() ? first->shape.front() : 6;
    if (dim < 1 || dim > 1024) {
        stored.fail(name_of(0), "expected 1 to 1024 rows, found shape " + shape_text(first->shape));
    }
    for (int32_t i = 0; i < n; ++i) {
        out.add(name_of(i), { dim, c.hidden_size }, stored.need({ name_of(i) }, { dim, c.hidden_size }));
    }
    c.num_extra_heads = n;
    c.extra_head_dim  = static_cast<int32_t>(dim);
}

}  // namespace

int64_t find_ffn_dim(const original_tensors & stored, const original_config & config) {
    const std::string   name  = layer_name(0) + "gating.linear_in.weight";
    const tensor_view * found = stored.find({ name });
    // Its rows are not a key of config.json: Python derives them from hidden_scale, Rust and MLX in another way.
    if (found == nullptr) {
        stored.fail(stored.prefix() + name,
                    "is missing; this is no decoder of the family, or a file without its weights");
    }
    if (found->shape.size() != 2 || found->shape[0] < 2 || found->shape[0] % 2 != 0) {
        stored.fail(found->name,
                    format("expected shape [an even number, %d] by config.json, found ", config.dim) +
                        shape_text(found->shape));
    }
    return found->shape[0];
}

void add_decoder_tensors(composed_checkpoint &    out,
                         const original_tensors & stored,
                         const original_config &  original,
                         bool                     as_converted,
                         decoder_config &         config) {
    add_embeddings(out, stored, config);
    for (int32_t l = 0; l < config.num_hidden_layers; ++l) {
        add_layer(out, stored, config, l);
    }
    out.add("model.norm.weight",
            { config.hidden_size },
            stored.need({ "out_norm.alpha", "out_norm.weight" }, { config.hidden_size }));
    add_head(out, stored, as_converted, config);
    add_extra_heads(out, stored, original, config);
}

}  // namespace kstt
