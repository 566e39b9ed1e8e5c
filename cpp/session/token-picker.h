// Logits to a token.
#pragma once

#include "session/token-constraint.h"

#include <cstdint>

namespace kstt {

struct picked_token {
    int32_t token       = 0;
    float   probability = 0.0F;  // softmax over the logits of the tokens that may be chosen
};

// Index of the first maximum of n logits: ties go to the lower id, as in every upstream implementation.
int32_t pick_greedy(const float * logits, int64_t n);

picked_token pick_greedy_with_probability(const float * logits, int64_t n);

// Among the tokens that the constraint allows; the pad always is.
picked_token pick_allowed(const float * logits, int64_t n, const token_constraint & constraint);

}  // namespace kstt
