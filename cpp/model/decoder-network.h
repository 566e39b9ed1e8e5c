// The text decoder of a model on some device, as an engine uses it: text_decoder on the CPU, gpu::decoder_executor on a
// GPU.
#pragma once

#include "nn/rope.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kstt {

class byte_reader;
class byte_writer;

struct decoder_options {
    int32_t        n_slots              = 1;
    int32_t        max_columns_per_call = 1;  // steps of one row computed together (known inputs only)
    rope_precision precision            = rope_precision::exact;
    bool           capture              = false;  // on the CPU
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

struct picked_token {
    int32_t token       = 0;
    float   probability = 0.0F;  // softmax over the logits of the tokens that may be chosen
};

// Index of the first maximum of n logits: ties go to the lower id, as in every upstream implementation.
int32_t      pick_greedy(const float * logits, int64_t n);
picked_token pick_greedy_with_probability(const float * logits, int64_t n);

// Softmax of each `dim` values of n, of the pause heads.
void softmax_groups(const float * values, size_t n, size_t dim, std::vector<float> & out);

class decoder_network {
  public:
    virtual ~decoder_network() = default;

    // Results belong to columns, numbered [row][column], and are valid until the next call. n_choices: tokens, from 0
    // on, that choice() is among.
    virtual void compute(const decoder_call & call, int64_t n_choices) = 0;

    virtual picked_token  choice(int64_t column) const = 0;
    // [output_vocab_size]. On a GPU this fetches them.
    virtual const float * logits(int64_t column)       = 0;

    // [column][num_extra_heads][extra_head_dim], each head's adding up to 1; class 0 is a pause of the head's length
    // (spec 7). nullptr where the model has no such heads.
    virtual const float * head_probabilities() const = 0;

    virtual void reset(int32_t slot) = 0;

    // Takes back the last n steps of a slot, at most max_columns_per_call - 1 of those of its last call.
    virtual void rewind(int32_t slot, int64_t n) = 0;

    // A slot's stream to bytes and into any slot of a network of the same weights and options, on whatever device.
    virtual void save(int32_t slot, byte_writer & out) const = 0;
    // Throws INVALID_SNAPSHOT; the slot is then as after reset.
    virtual void load(int32_t slot, byte_reader & in)        = 0;

    // Steps done by a slot since its reset.
    virtual int64_t position(int32_t slot) const = 0;

    virtual size_t state_bytes() const = 0;

  protected:
    decoder_network()                                    = default;
    decoder_network(const decoder_network &)             = default;
    decoder_network & operator=(const decoder_network &) = default;
};

}  // namespace kstt
