// Mimi encoder: PCM to codes for the streams of one arena. Weights are shared; state and graphs belong to the encoder.
#pragma once

#include "model/codec-clock.h"
#include "model/codec-transformer.h"
#include "model/mimi-weights.h"
#include "model/seanet-stack.h"
#include "nn/graph-runner.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace kstt {

struct mimi_options {
    int32_t        n_slots             = 1;
    int32_t        max_frames_per_call = 1;
    bool           uniform_window      = false;  // see KSTT_CODEC_WINDOW_UNIFORM
    rope_precision precision           = rope_precision::exact;
    bool           capture             = false;
};

// One call: the same number of samples for every row.
struct mimi_call {
    std::vector<int32_t>       slots;  // slot of each row, each at most once
    std::vector<const float *> pcm;    // n_samples samples per row
    int64_t                    n_samples = 0;
    // Offline end: n_samples need not be whole frames; each layer pads on the right as transformers does, and the
    // stream may not go on afterwards.
    bool                       pad_right = false;
};

class mimi_encoder {
  public:
    mimi_encoder(const mimi_weights & weights, const mimi_options & options, compute_backend & backend);
    ~mimi_encoder();

    // codes: [row][frame][n_quantizers]; frames = n_samples / frame_size, rounded up with pad_right.
    void encode(const mimi_call & call, std::vector<int32_t> & codes);

    void reset(int32_t slot);

    // The transformer forgets what it has seen and counts from 0 again; the convolutions go on. transformers' windowed
    // generate() does this: it hands its convolution cache, but no key-value cache, from call to call.
    void restart_attention(int32_t slot) { clock_.restart_attention(slot); }

    // The convolutions forget what they have heard; the transformer goes on. position() counts from 0 again.
    void restart_convolutions(int32_t slot) { clock_.restart_convolutions(slot); }

    // A slot's stream to bytes and into any slot of an encoder of the same weights and options.
    void save(int32_t slot, byte_writer & out) const;
    // Throws INVALID_SNAPSHOT; the slot is then as after reset.
    void load(int32_t slot, byte_reader & in);

    // Frames consumed by a slot since its reset.
    int64_t position(int32_t slot) const { return clock_.frames(slot); }

    // Columns that the transformer has seen.
    int64_t columns(int32_t slot) const {
        return clock_.attention_frames(slot) * weights_.config.columns_per_frame();
    }

    size_t state_bytes() const { return arena_->n_bytes(); }

    // With options.capture: the nodes of the last call, by name.
    const std::vector<ggml_tensor *> & captured() const;

  private:
    struct encoder_graph;

    encoder_graph & graph_for(int64_t n_samples, int64_t n_rows, bool pad_right);
    void            build(encoder_graph & graph, int64_t n_samples, int64_t n_rows, bool pad_right) const;

    const mimi_weights &         weights_;
    const mimi_options           options_;
    compute_backend &            backend_;
    state_layout                 layout_;
    seanet_stack                 seanet_;
    codec_transformer            transformer_;
    int32_t                      downsample_state_ = -1;
    std::unique_ptr<state_arena> arena_;
    codec_clock                  clock_;
    std::map<std::pair<int64_t, int64_t>, std::unique_ptr<encoder_graph>> graphs_;  // by samples (< 0: padded), rows
    encoder_graph *                                                       last_ = nullptr;
};

}  // namespace kstt
