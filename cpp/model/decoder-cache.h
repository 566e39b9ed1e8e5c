// Keys and values of all decoder layers for a batch of sequences: what transformers calls a DynamicCache. Rows move
// together. Place p is the p-th position since the cache was empty; with a window only the last of them are kept.
#pragma once

#include "model/decoder-weights.h"
#include "nn/cached-attention.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace kstt {

class decoder_cache {
  public:
    // window: keys that a query sees, itself included; 0: all. window - 1 places stay between two calls.
    decoder_cache(const decoder_weights & weights, int64_t n_rows, int64_t window);
    // A copy is free, whatever the original is.
    decoder_cache(const decoder_cache & other);
    decoder_cache & operator=(const decoder_cache &) = delete;

    int64_t n_rows() const { return n_rows_; }

    int64_t n_layers() const { return static_cast<int64_t>(layers_.size()); }

    int64_t n_kv_heads() const { return n_kv_heads_; }

    int64_t head_dim() const { return head_dim_; }

    int64_t window() const { return window_; }

    // Places seen since the cache was empty, and how many of the last are kept.
    int64_t n_seen() const { return n_seen_; }

    int64_t n_stored() const { return n_seen_ - first_stored(); }

    int64_t first_stored() const { return window_ > 0 && n_seen_ >= window_ ? n_seen_ - window_ + 1 : 0; }

    size_t n_bytes() const;

    // Room for n_new places behind those seen; what they hold counts once commit() is called.
    void reserve(int64_t n_new);
    void commit(int64_t n_new);

    std::vector<kv_memory> memory();

    // Stored places of a layer, after rotation: [n_rows][n_kv_heads][n_stored][head_dim].
    void read(int64_t layer, float * keys, float * values) const;
    // Replaces everything: the cache is as after seeing n places, of which each layer's n (of a window: the last) are
    // given in the shape of read().
    void import(int64_t n, const float * const * keys, const float * const * values);
    // Forgets the last n places. Throws INVALID_STATE where a window has dropped what would be seen again.
    void crop(int64_t n);
    // Row i becomes what row rows[i] was. Throws INVALID_ARGUMENT.
    void select(const std::vector<int32_t> & rows);
    void reset();

    // Marks the cache as in use by a pass: from then on it must not be changed or read until it is given back.
    // Throws INVALID_STATE where it is in use already.
    void lend();
    void give_back();
    void check_free() const;

  private:
    struct layer_data {
        std::vector<uint8_t> keys;
        std::vector<uint8_t> values;
    };

    // Copies the stored places of row `from` into part `to` of memory with another capacity.
    void   copy_row(const std::vector<uint8_t> & source,
                    int64_t                      from,
                    std::vector<uint8_t> &       target,
                    int64_t                      to,
                    int64_t                      target_capacity) const;
    size_t place_bytes() const;

    int64_t                 n_rows_;
    int64_t                 n_kv_heads_;
    int64_t                 head_dim_;
    int64_t                 window_;
    ggml_type               type_;
    int64_t                 capacity_ = 0;
    int64_t                 n_seen_   = 0;
    std::vector<layer_data> layers_;
    std::atomic<bool>       lent_{ false };
};

}  // namespace kstt
