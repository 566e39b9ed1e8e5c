// Mimi encoder: PCM to codes for the streams of one arena. Weights are shared; state and graphs belong to the encoder.
#pragma once

#include "model/codec-clock.h"
#include "model/codec-network.h"
#include "model/codec-transformer.h"
#include "model/mimi-weights.h"
#include "model/seanet-stack.h"
#include "nn/graph-runner.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace kstt {

class mimi_encoder final : public codec_network {
  public:
    mimi_encoder(const mimi_weights & weights, const mimi_options & options, compute_backend & backend);
    ~mimi_encoder() override;

    void encode(const mimi_call & call, std::vector<int32_t> & codes) override;
    void reset(int32_t slot) override;

    void restart_attention(int32_t slot) override { clock_.restart_attention(slot); }

    void restart_convolutions(int32_t slot) override { clock_.restart_convolutions(slot); }

    void save(int32_t slot, byte_writer & out) const override;
    void load(int32_t slot, byte_reader & in) override;

    int64_t position(int32_t slot) const override { return clock_.frames(slot); }

    int64_t columns(int32_t slot) const override {
        return clock_.attention_frames(slot) * weights_.config.columns_per_frame();
    }

    size_t state_bytes() const override { return arena_->n_bytes(); }

    // With options.capture: the nodes of the last call, by name.
    const std::vector<ggml_tensor *> & captured() const;

  private:
    struct encoder_graph;

    encoder_graph & graph_for(int64_t n_samples, int64_t n_rows, bool pad_right);
    void            build(encoder_graph & graph, int64_t n_samples, int64_t n_rows, bool pad_right) const;

    const mimi_weights &                                                  weights_;
    const mimi_options                                                    options_;
    compute_backend &                                                     backend_;
    state_layout                                                          layout_;
    seanet_stack                                                          seanet_;
    codec_transformer                                                     transformer_;
    int32_t                                                               downsample_state_ = -1;
    std::unique_ptr<state_arena>                                          arena_;
    codec_clock                                                           clock_;
    std::map<std::pair<int64_t, int64_t>, std::unique_ptr<encoder_graph>> graphs_;  // by samples (< 0: padded), rows
    encoder_graph *                                                       last_ = nullptr;
};

}  // namespace kstt
