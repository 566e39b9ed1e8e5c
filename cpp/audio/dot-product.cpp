#include "audio/dot-product.h"

#include <cstring>

namespace kstt {
namespace {

float sum_lanes(float (&sums)[dot_block]) {
    for (size_t width = dot_block / 2; width > 0; width /= 2) {
        for (size_t lane = 0; lane < width; lane++) {
            sums[lane] += sums[lane + width];
        }
    }
    return sums[0];
}

#if defined(__GNUC__)

using lanes_4 = float __attribute__((vector_size(16)));
using lanes_8 = float __attribute__((vector_size(32)));

template <typename lanes>
inline __attribute__((always_inline)) float dot(const float * a, const float * b, size_t n) {
    constexpr size_t width           = sizeof(lanes) / sizeof(float);
    constexpr size_t n_vectors       = dot_block / width;
    lanes            sums[n_vectors] = {};
    for (size_t i = 0; i < n; i += dot_block) {
        for (size_t v = 0; v < n_vectors; v++) {
            lanes x;
            lanes y;
            std::memcpy(&x, a + i + v * width, sizeof(lanes));
            std::memcpy(&y, b + i + v * width, sizeof(lanes));
            sums[v] += x * y;
        }
    }
    float lane_sums[dot_block];
    std::memcpy(lane_sums, sums, sizeof(sums));
    return sum_lanes(lane_sums);
}

#else

float dot_plain(const float * a, const float * b, size_t n) {
    float sums[dot_block] = {};
    for (size_t i = 0; i < n; i += dot_block) {
        for (size_t lane = 0; lane < dot_block; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    return sum_lanes(sums);
}

#endif

#if defined(__GNUC__) && defined(__x86_64__)

// AVX2 without FMA: wider registers, the same roundings.
__attribute__((target("avx2"))) float dot_avx2(const float * a, const float * b, size_t n) {
    return dot<lanes_8>(a, b, n);
}

#endif

}  // namespace

float dot_product(const float * a, const float * b, size_t n) {
#if defined(__GNUC__) && defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    return has_avx2 ? dot_avx2(a, b, n) : dot<lanes_4>(a, b, n);
#elif defined(__GNUC__)
    return dot<lanes_4>(a, b, n);
#else
    return dot_plain(a, b, n);
#endif
}

}  // namespace kstt
