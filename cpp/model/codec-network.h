// The codec of a model on some device, as an engine uses it: mimi_encoder on the CPU, gpu::codec_executor on a GPU.
#pragma once

#include "nn/rope.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt {

class byte_reader;
class byte_writer;

struct mimi_options {
    int32_t        n_slots             = 1;
    int32_t        max_frames_per_call = 1;
    bool           uniform_window      = false;  // see KSTT_CODEC_WINDOW_UNIFORM
    rope_precision precision           = rope_precision::exact;
    bool           capture             = false;  // on the CPU
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

class codec_network {
  public:
    virtual ~codec_network() = default;

    // codes: [row][frame][n_quantizers]; frames = n_samples / frame_size, rounded up with pad_right.
    virtual void encode(const mimi_call & call, std::vector<int32_t> & codes) = 0;

    virtual void reset(int32_t slot) = 0;

    // The transformer forgets what it has seen and counts from 0 again; the convolutions go on. transformers' windowed
    // generate() does this: it hands its convolution cache, but no key-value cache, from call to call.
    virtual void restart_attention(int32_t slot) = 0;

    // The convolutions forget what they have heard; the transformer goes on. position() counts from 0 again.
    virtual void restart_convolutions(int32_t slot) = 0;

    // A slot's stream to bytes and into any slot of a network of the same weights and options, on whatever device.
    virtual void save(int32_t slot, byte_writer & out) const = 0;
    // Throws INVALID_SNAPSHOT; the slot is then as after reset.
    virtual void load(int32_t slot, byte_reader & in)        = 0;

    // Frames consumed by a slot since its reset.
    virtual int64_t position(int32_t slot) const = 0;

    // Columns that the transformer has seen.
    virtual int64_t columns(int32_t slot) const = 0;

    virtual size_t state_bytes() const = 0;

  protected:
    codec_network()                                  = default;
    codec_network(const codec_network &)             = default;
    codec_network & operator=(const codec_network &) = default;
};

}  // namespace kstt
