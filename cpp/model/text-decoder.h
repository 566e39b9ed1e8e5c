// Text decoder: one text id and the codes of one frame per step, to text logits, for the streams of one arena.
#pragma once

#include "model/decoder-weights.h"
#include "nn/graph-runner.h"
#include "nn/rope.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace kstt {

struct decoder_options {
    int32_t        n_slots              = 1;
    int32_t        max_columns_per_call = 1;  // steps of one row computed together (known inputs only)
    rope_precision precision            = rope_precision::exact;
    bool           capture              = false;
    // Steps a stream may take at most; shorter than the window, it needs less memory. 0: no limit.
    int64_t        max_steps            = 0;
};

// One call: the same number of steps for every row.
struct decoder_call {
    std::vector<int32_t> slots;  // slot of each row, each at most once
    int64_t              n_columns = 1;
    // [row][column][1 + num_codebooks]: text id, then one code per stream.
    std::vector<int32_t> ids;
};

class text_decoder {
  public:
    text_decoder(const decoder_weights & weights, const decoder_options & options, compute_backend & backend);
    ~text_decoder();

    // Logits F32 [row][column][output_vocab_size]; valid until the next call.
    const float * step(const decoder_call & call);

    // Of the last step: probabilities [row][column][num_extra_heads][extra_head_dim], each head's adding up to 1; class
    // 0 is a pause of the head's length (spec 7). nullptr where the model has no such heads. Valid until the next step.
    const float * head_probabilities() const { return probabilities_.empty() ? nullptr : probabilities_.data(); }

    void reset(int32_t slot);

    // A slot's stream to bytes and into any slot of a decoder of the same weights and options.
    void save(int32_t slot, byte_writer & out) const;
    // Throws INVALID_SNAPSHOT; the slot is then as after reset.
    void load(int32_t slot, byte_reader & in);

    // Steps done by a slot since its reset.
    int64_t position(int32_t slot) const { return positions_[static_cast<size_t>(slot)]; }

    size_t state_bytes() const { return arena_->n_bytes(); }

    // With options.capture: the nodes of the last call, by name.
    const std::vector<ggml_tensor *> & captured() const;

  private:
    struct decoder_graph;

    decoder_graph & graph_for(int64_t n_columns, int64_t n_rows);
    void            build(decoder_graph & graph, int64_t n_columns, int64_t n_rows) const;
    void            fill_probabilities(const decoder_graph & graph);

    const decoder_weights &                                               weights_;
    const decoder_options                                                 options_;
    compute_backend &                                                     backend_;
    rope_table                                                            rope_;
    std::vector<kv_ring>                                                  rings_;
    std::unique_ptr<state_arena>                                          arena_;
    std::vector<int64_t>                                                  positions_;  // steps, per slot
    std::map<std::pair<int64_t, int64_t>, std::unique_ptr<decoder_graph>> graphs_;     // by columns, rows
    decoder_graph *                                                       last_ = nullptr;
    std::vector<float>                                                    probabilities_;
};

}  // namespace kstt
