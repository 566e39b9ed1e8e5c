#include "model/model-fingerprint.h"

#include <algorithm>
#include <initializer_list>

namespace kstt {

namespace {

constexpr size_t sample_bytes = 256;

template <typename T>
void add(uint64_t & hash, std::initializer_list<T> values) {
    for (const T & value : values) {
        hash = hash_bytes(&value, sizeof(T), hash);
    }
}

void add_tensor(uint64_t & hash, const ggml_tensor * tensor) {
    if (tensor == nullptr) {
        return;
    }
    add<int64_t>(hash, { tensor->ne[0], tensor->ne[1], tensor->ne[2], static_cast<int64_t>(tensor->type) });
    // From the middle, too: the first rows of a table may be those of tokens that no training touched.
    const size_t size = ggml_nbytes(tensor);
    const size_t n    = std::min(size, sample_bytes);
    const auto * data = static_cast<const char *>(tensor->data);
    hash              = hash_bytes(data, n, hash);
    hash              = hash_bytes(data + (size - n) / 2, n, hash);
}

void add_blocks(uint64_t & hash, const std::vector<block_weights> & blocks) {
    for (const block_weights & block : blocks) {
        for (const ggml_tensor * tensor : { block.q, block.k, block.v, block.o, block.fc1, block.fc2 }) {
            add_tensor(hash, tensor);
        }
    }
}

}  // namespace

uint64_t hash_bytes(const void * bytes, size_t n, uint64_t hash) {
    const auto * next = static_cast<const uint8_t *>(bytes);
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ next[i]) * 1099511628211U;
    }
    return hash;
}

uint64_t model_fingerprint(const stt_model & model) {
    uint64_t               hash    = hash_bytes(nullptr, 0);
    const codec_config &   codec   = model.config.codec;
    const decoder_config & decoder = model.config.decoder;
    add<int64_t>(hash, { codec.sampling_rate, codec.frame_size(), codec.num_quantizers, codec.sliding_window });
    add<int64_t>(hash, { decoder.vocab_size, decoder.num_codebooks, decoder.sliding_window, decoder.pad_token_id });
    add<double>(hash, { model.config.audio_delay_seconds, codec.rope_theta, decoder.rope_theta });
    add<int64_t>(hash, { static_cast<int64_t>(model.decoder.ring_type) });
    add_tensor(hash, model.decoder.embed);
    add_tensor(hash, model.decoder.head);
    add_blocks(hash, model.decoder.blocks);
    add_blocks(hash, model.mimi.blocks);
    return hash;
}

}  // namespace kstt
