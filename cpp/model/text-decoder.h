// Text decoder: one text id and the codes of one frame per step, to text logits, for the streams of one arena.
#pragma once

#include "model/decoder-network.h"
#include "model/decoder-weights.h"
#include "nn/graph-runner.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace kstt {

class text_decoder final : public decoder_network {
  public:
    text_decoder(const decoder_weights & weights, const decoder_options & options, compute_backend & backend);
    ~text_decoder() override;

    // Logits F32 [row][column][output_vocab_size]; valid until the next call.
    const float * step(const decoder_call & call);

    void          compute(const decoder_call & call, int64_t n_choices) override;
    picked_token  choice(int64_t column) const override;
    const float * logits(int64_t column) override;

    const float * head_probabilities() const override {
        return probabilities_.empty() ? nullptr : probabilities_.data();
    }

    void reset(int32_t slot) override;
    void rewind(int32_t slot, int64_t n) override;
    void save(int32_t slot, byte_writer & out) const override;
    void load(int32_t slot, byte_reader & in) override;

    int64_t position(int32_t slot) const override { return positions_[static_cast<size_t>(slot)]; }

    size_t state_bytes() const override { return arena_->n_bytes(); }

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
    decoder_graph *                                                       last_      = nullptr;
    int64_t                                                               n_choices_ = 0;
    std::vector<float>                                                    probabilities_;
};

}  // namespace kstt
