// Mimi decoder: codes to PCM for the streams of one arena (spec 3.8). Weights are shared; state and graphs belong to
// the decoder. Every layer is causal, so any division of a stream into calls gives the same samples, bit for bit.
#pragma once

#include "model/codec-clock.h"
#include "model/codec-transformer.h"
#include "model/mimi-decoder-weights.h"
#include "model/seanet-stack.h"
#include "nn/graph-runner.h"

#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace kstt {

struct mimi_decoder_options {
    int32_t n_slots             = 1;
    int32_t max_frames_per_call = 1;
    bool    capture             = false;
};

// One call: the same number of frames for every row.
struct mimi_decode_call {
    std::vector<int32_t>         slots;  // slot of each row, each at most once
    // Row's codes [n_codes][frames], codebook j's `stride` entries after codebook j - 1's; each below codebook_size.
    std::vector<const int32_t *> codes;
    int64_t                      stride   = 0;
    int64_t                      n_codes  = 0;  // codebooks in use, 1 .. num_quantizers
    int64_t                      n_frames = 0;
};

class mimi_decoder {
  public:
    mimi_decoder(const mimi_decoder_weights & weights, const mimi_decoder_options & options, compute_backend & backend);
    ~mimi_decoder();

    // Samples [row][n_frames * frame_size]; valid until the next call.
    const float * decode(const mimi_decode_call & call);

    void reset(int32_t slot);

    // The transformer forgets what it has seen and counts from 0 again; the convolutions go on.
    void restart_attention(int32_t slot) { clock_.restart_attention(slot); }

    // The convolutions forget what they have seen; the transformer goes on. This is what transformers does with a
    // decoder_past_key_values: its decoder hands no convolution cache from call to call.
    void restart_convolutions(int32_t slot) { clock_.restart_convolutions(slot); }

    // Columns that the transformer has seen.
    int64_t columns(int32_t slot) const { return clock_.attention_frames(slot) * weights_.config.columns_per_frame(); }

    // With options.capture: the nodes of the last call, by name.
    const std::vector<ggml_tensor *> & captured() const;

  private:
    struct decoder_graph;
    using graph_key = std::tuple<int64_t, int64_t, int64_t>;  // frames, rows, codebooks

    decoder_graph & graph_for(const graph_key & key);
    void            build(decoder_graph & graph, const graph_key & key) const;
    void            fill(decoder_graph & graph, const mimi_decode_call & call);

    const mimi_decoder_weights &                        weights_;
    const mimi_decoder_options                          options_;
    compute_backend &                                   backend_;
    state_layout                                        layout_;
    int32_t                                             upsample_state_;
    codec_transformer                                   transformer_;
    seanet_stack                                        seanet_;
    std::unique_ptr<state_arena>                        arena_;
    codec_clock                                         clock_;
    std::map<graph_key, std::unique_ptr<decoder_graph>> graphs_;
    decoder_graph *                                     last_ = nullptr;
};

}  // namespace kstt
