#include "model/decoder-weights.h"

#include "runtime/error.h"

namespace kstt {

namespace {

block_weights load_block(weight_store & store, const decoder_config & config, int32_t l) {
    const std::string name    = "model.layers." + std::to_string(l) + ".";
    const int64_t     hidden  = config.hidden_size;
    const int64_t     q_width = static_cast<int64_t>(config.num_attention_heads) * config.head_dim;
    const int64_t     k_width = static_cast<int64_t>(config.num_key_value_heads) * config.head_dim;
    block_weights     block;
    block.attn_norm = store.f32(name + "input_layernorm.weight", { hidden });
    block.q         = store.product(name + "self_attn.q_proj.linear.weight", { q_width, hidden });
    block.k         = store.product(name + "self_attn.k_proj.linear.weight", { k_width, hidden });
    block.v         = store.product(name + "self_attn.v_proj.linear.weight", { k_width, hidden });
    block.o         = store.product(name + "self_attn.o_proj.linear.weight", { hidden, q_width });
    block.mlp_norm  = store.f32(name + "post_attention_layernorm.weight", { hidden });
    block.fc1       = store.product(name + "mlp.fc1.weight", { config.ffn_dim, hidden });
    block.fc2       = store.product(name + "mlp.fc2.weight", { hidden, config.ffn_dim / 2 });
    return block;
}

// All heads in one matrix: they read the same vector.
ggml_tensor * load_extra_heads(weight_store & store, const decoder_config & config) {
    if (config.num_extra_heads == 0) {
        return nullptr;
    }
    const int64_t rows   = int64_t{ config.num_extra_heads } * config.extra_head_dim;
    ggml_tensor * joined = store.owned_f32("extra_heads", config.hidden_size, rows);
    auto *        out    = static_cast<float *>(joined->data);
    for (int32_t i = 0; i < config.num_extra_heads; i++) {
        const tensor_view & head = store.source().get("extra_heads." + std::to_string(i) + ".weight",
                                                      { config.extra_head_dim, config.hidden_size });
        convert_to_f32(head, out);
        out += head.n_elements();
    }
    return joined;
}

}  // namespace

decoder_weights load_decoder_weights(weight_store & store, const decoder_config & config) {
    decoder_weights weights;
    const int64_t   hidden = config.hidden_size;
    weights.config         = config;
    weights.embed = store.mapped("model.embed_tokens.embed_tokens.weight", { config.embedding_rows(), hidden });
    for (int32_t l = 0; l < config.num_hidden_layers; l++) {
        weights.blocks.push_back(load_block(store, config, l));
    }
    weights.norm        = store.f32("model.norm.weight", { hidden });
    weights.head        = store.product("lm_head.weight", { config.output_vocab_size, hidden });
    weights.extra_heads = load_extra_heads(store, config);
    if (!weights.blocks.empty()) {
        weights.weight_type = weights.blocks.front().fc1->type;
    }
    weights.ring_type = weights.weight_type == GGML_TYPE_F32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
    return weights;
}

int32_t embedding_row(const decoder_weights & weights, int64_t stream, int32_t id) {
    const decoder_config & config = weights.config;
    const int64_t          n_rows = weights.embed->ne[1];
    int64_t                row    = id;
    if (stream > 0 && id != config.audio_pad_token_id) {
        row = config.vocab_size + (stream - 1) * config.codebook_vocab_size + id;
    }
    if (id < 0 || row >= n_rows) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("id %d of stream %d addresses row %lld of an embedding table of %lld rows",
                           id,
                           static_cast<int>(stream),
                           static_cast<long long>(row),
                           static_cast<long long>(n_rows)));
    }
    return static_cast<int32_t>(row);
}

}  // namespace kstt
