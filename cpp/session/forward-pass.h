// transformers' forward(): the decoder over known inputs, with a cache, masks, a loss, and every layer's output on
// request. Works in portions, so that callers share the engine and can stop between two.
#pragma once

#include "model/forward-network.h"
#include "session/work.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kstt {

// All owned by the pass. Empty vectors: absent.
struct forward_inputs {
    int64_t              n_rows      = 0;
    int64_t              n_positions = 0;
    int64_t              n_streams   = 0;  // 1 + num_codebooks, or 1: text alone, the audio streams add nothing
    std::vector<int32_t> ids;              // [n_rows][n_positions][n_streams]
    std::vector<float>   embeds;           // [n_rows][n_positions][hidden], instead of ids
    std::vector<int64_t> positions;        // [n_rows][n_positions], for rotation; absent: on from the cache
    bool                 packed = false;   // a jump in `positions` begins a sequence that sees itself alone
    std::vector<uint8_t> mask;             // [n_rows][places]: those seen before, then these; 0: hidden
    std::vector<float>   bias;             // [bias_rows][bias_heads][n_positions][keys], see attention_span
    int64_t              bias_rows     = 1;
    int64_t              bias_heads    = 1;
    bool                 want_logits   = true;
    bool                 logits_of_all = true;
    std::vector<int32_t> keep;                    // positions whose logits are wanted, unless of all
    std::vector<int32_t> labels;                  // [n_rows][kept positions]; label i + 1 is the answer to position i
    bool                 labels_shifted = false;  // label i is the answer to position i
    int32_t              ignore_index   = -100;   // label of positions that do not count
    double               loss_items     = 0.0;    // divides the sum of the losses; 0: the number of labels
    bool                 hidden_states  = false;
    bool                 attentions     = false;
};

class forward_pass {
  public:
    // cache: gets the keys and values; nullptr: nobody keeps them. It is lent to the pass until that is finished or
    // gone. Throws INVALID_ARGUMENT, INVALID_STATE.
    forward_pass(const decoder_weights & weights, forward_inputs inputs, std::shared_ptr<decoder_cache> cache);
    ~forward_pass();
    forward_pass(const forward_pass &)             = delete;
    forward_pass & operator=(const forward_pass &) = delete;

    // Counts positions times rows. The cache has seen the positions once all are done, and none of them before.
    work_progress advance(forward_network & network, int64_t max_positions, work_stats & stats);
    work_progress progress() const;

    int64_t n_rows() const { return inputs_.n_rows; }

    int64_t n_positions() const { return inputs_.n_positions; }

    int64_t n_keys() const { return span_.n_keys; }

    int64_t n_kept() const;

    int64_t n_layers() const { return static_cast<int64_t>(weights_.blocks.size()); }

    // Results; INVALID_STATE before the pass is finished, INVALID_ARGUMENT for what was not asked for.
    const std::vector<float> & logits() const;                  // [n_rows][n_kept][output_vocab_size]
    const std::vector<float> & hidden_state(int64_t i) const;   // 0..n_layers: [n_rows][n_positions][hidden]; the last
                                                                // one, behind the norm, is there always
    const std::vector<float> & attention(int64_t layer) const;  // [n_rows][n_heads][n_positions][n_keys]
    double                     loss() const;                    // NaN where no label counts, as in torch

  private:
    void check_inputs() const;
    void check_labels() const;
    void find_rows();
    void prepare_span();
    void find_sequences();
    void finish(forward_network & network);
    void compute_loss();
    void check_finished() const;

    const decoder_weights &         weights_;
    forward_inputs                  inputs_;
    std::shared_ptr<decoder_cache>  cache_;  // nullptr once given back
    attention_span                  span_;
    std::vector<uint8_t>            mask_;       // of the visible places
    std::vector<int32_t>            sequences_;  // [n_rows][n_positions]
    int64_t                         done_ = 0;   // columns
    std::vector<std::vector<float>> hidden_;     // [n_layers + 1]; all but the last only on request
    std::vector<std::vector<float>> attentions_;
    std::vector<float>              logits_;
    double                          loss_     = 0.0;
    bool                            finished_ = false;
};

}  // namespace kstt
