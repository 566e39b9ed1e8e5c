// The inner loop of the resampler.
#pragma once

#include <cstddef>

namespace kstt {

// Sums kept side by side: enough to hide the latency of an addition, few enough for the sixteen registers of SSE2.
constexpr size_t dot_block = 32;

// Sum of a[i] * b[i]; n is a multiple of dot_block. The order of the additions is fixed and products are rounded before
// they are added, so that every x86-64 processor gives the same bits.
float dot_product(const float * a, const float * b, size_t n);

}  // namespace kstt
