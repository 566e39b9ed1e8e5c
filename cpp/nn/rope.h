// Rotary position embedding from tables: angles are made on the host, in f64, so they stay exact for days of audio.
#pragma once

#include <cstdint>
#include <vector>

namespace kstt {

// How the angle position * theta^(-2i / head_dim) is formed.
enum class rope_precision {
    exact,     // f64 throughout
    reference  // product of two f32 numbers, as transformers does; differs from exact by up to half an ulp of the angle
};

class rope_table {
  public:
    rope_table(int64_t head_dim, double theta, rope_precision precision);

    int64_t head_dim() const { return static_cast<int64_t>(frequencies_.size()) * 2; }

    // Of the pairs: [head_dim / 2].
    const std::vector<double> & frequencies() const { return frequencies_; }

    // out [head_dim]: cosines of the pairs, then their sines.
    void fill(int64_t position, float * out) const;

  private:
    std::vector<double> frequencies_;  // [head_dim / 2]
    rope_precision      precision_;
};

// Pair i of a head is (i, i + head_dim / 2), the order of transformers checkpoints (spec 2.5).
void rotate_half(const float * x, const float * table, int64_t head_dim, float * out);

}  // namespace kstt
