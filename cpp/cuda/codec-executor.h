// The Mimi encoder on the device, for many slots at once. A call is done in passes of some rows: their activations stay
// in memory until the states have moved on, and the samples of one pass are gathered while the device computes another.
#pragma once

#include "cuda/device-weights.h"
#include "cuda/slot-rings.h"
#include "model/codec-clock.h"
#include "model/codec-network.h"

#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace kstt::gpu {

class codec_executor final : public codec_network {
  public:
    codec_executor(const device_weights & weights, const mimi_options & options, int32_t n_processors);
    ~codec_executor() override;

    void encode(const mimi_call & call, std::vector<int32_t> & codes) override;

    // Contexts and rings are not read before they are written: both go by the position.
    void reset(int32_t slot) override { clock_.set(slot, 0, 0); }

    void restart_attention(int32_t slot) override { clock_.restart_attention(slot); }

    void restart_convolutions(int32_t slot) override { clock_.restart_convolutions(slot); }

    void save(int32_t slot, byte_writer & out) const override;
    void load(int32_t slot, byte_reader & in) override;

    int64_t position(int32_t slot) const override { return clock_.frames(slot); }

    int64_t columns(int32_t slot) const override { return clock_.attention_frames(slot) * config_.columns_per_frame(); }

    size_t state_bytes() const override;

  private:
    // A convolution's context: all slots', and where its input was in the pass that is being recorded.
    struct context_state {
        device_memory memory;  // [slot][context][n_in]
        int64_t       n_floats = 0;
    };
    struct pass;
    // Rows, samples per row, padded on the right.
    using pass_key = std::tuple<int32_t, int64_t, bool>;

    // One activation of a pass: [row][columns][channels].
    struct signal {
        float * values   = nullptr;
        int32_t columns  = 0;
        int32_t channels = 0;
    };

    pass &  pass_for(int32_t n_rows, int64_t n_samples, bool pad_right);
    void    record(pass & to) const;
    void    launch_pass(pass & to, bool is_first) const;
    float * take(pass & to, int64_t n_floats) const;
    signal  add_convolution(pass &                     to,
                            const device_convolution & conv,
                            int32_t                    state,
                            const signal &             x,
                            bool                       elu,
                            const float *              residual) const;
    signal  add_seanet(pass & to, signal x) const;
    void    add_block(pass & to, int32_t layer, const signal & x) const;
    void add_product(pass & to, const device_matrix & w, const signal & x, const norm_call & norm, f32_call call) const;
    void add_quantizer(pass & to, const signal & x) const;
    int32_t declare_state(const conv1d_shape & shape);

    const device_weights &                    weights_;
    const codec_config &                      config_;
    const mimi_options                        options_;
    const int32_t                             n_processors_;
    int32_t                                   rows_per_pass_ = 1;  // of one frame each
    int32_t                                   capacity_      = 0;  // of a ring
    mutable stream                            stream_;
    std::unique_ptr<slot_rings>               rings_;
    device_memory                             frequencies_;
    std::vector<context_state>                states_;
    std::vector<std::pair<int32_t, int32_t>>  seanet_states_;  // of a layer's conv and pointwise, -1: none
    int32_t                                   downsample_state_ = -1;
    std::map<pass_key, std::unique_ptr<pass>> passes_;
    codec_clock                               clock_;
    pinned_memory                             host_pcm_;   // of one call
    pinned_memory                             host_rows_;  // of each pass: slots, frames, columns
    pinned_memory                             host_codes_;
};

}  // namespace kstt::gpu
