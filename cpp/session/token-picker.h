// Logits to a token.
#pragma once

#include "model/decoder-network.h"
#include "session/token-constraint.h"

#include <cstdint>

namespace kstt {

// Where a step's logits are: with the network that computed them.
class step_logits {
  public:
    step_logits(decoder_network & network, int64_t column) : network_(network), column_(column) {}

    picked_token choice() const { return network_.choice(column_); }

    const float * values() const { return network_.logits(column_); }

  private:
    decoder_network & network_;
    int64_t           column_;
};

// By the softmax of n scores. The same seed, row and step choose the same token, whatever was chosen elsewhere. Throws
// INVALID_STATE where no token is left to choose.
int32_t pick_sampled(const float * scores, int64_t n, uint64_t seed, int64_t row, int64_t step);

// Among the tokens that the constraint allows; the pad always is.
picked_token pick_allowed(const float * logits, int64_t n, const token_constraint & constraint);

}  // namespace kstt
