// The text decoder on the device: a step of any number of slots is one recorded launch sequence; ids go up, one token
// and its probability come back per column.
#pragma once

#include "cuda/device-weights.h"
#include "cuda/slot-rings.h"
#include "model/decoder-network.h"

#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace kstt::gpu {

class decoder_executor final : public decoder_network {
  public:
    // q8_rings: keys and values in 8 bits instead of 16; not for f32 models.
    decoder_executor(const device_weights & weights, const decoder_options & options, bool q8_rings);
    ~decoder_executor() override;

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

    size_t state_bytes() const override { return rings_->n_bytes(); }

  private:
    struct buffers;
    // Rows (as many as a recording has), columns per row, choices.
    using shape_key = std::tuple<int32_t, int32_t, int32_t>;

    void reserve(int64_t n_columns);
    void fill(const decoder_call & call, int32_t n_rows);
    void record(int32_t n_rows, int32_t per_row, int32_t n_choices);
    void launch_step(int32_t n_rows, int32_t per_row, int32_t n_choices);
    void add_block(int32_t layer, int32_t n_rows, int32_t per_row);
    void add_product(const device_matrix & w,
                     const float *         x,
                     int32_t               x_width,
                     const float *         norm,
                     float *               y,
                     int32_t               y_width,
                     product_end           end,
                     int32_t               n_columns);
    void add_attention(int32_t layer, int32_t n_rows, int32_t per_row);

    const device_weights &                          weights_;
    const decoder_weights &                         host_;
    const decoder_options                           options_;
    int32_t                                         window_   = 0;
    int32_t                                         capacity_ = 0;  // of a ring
    ring_kind                                       kind_     = ring_kind::f16;
    mutable stream                                  stream_;
    std::unique_ptr<slot_rings>                     rings_;
    device_memory                                   frequencies_;
    std::unique_ptr<buffers>                        buffers_;
    std::map<shape_key, std::unique_ptr<recording>> recordings_;
    std::vector<int64_t>                            positions_;  // steps, per slot
    std::map<int64_t, std::vector<float>>           logits_;     // of the columns asked for since the last call
    std::vector<float>                              probabilities_;
};

// Rows of the recording that n rows use: few recordings serve every number.
int32_t rows_of_recording(int32_t n_rows);

}  // namespace kstt::gpu
