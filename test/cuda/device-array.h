// Arrays on the device for tests of kernels, and the random numbers that fill them.
#pragma once

#include "cuda/device-api.h"
#include "cuda/kernels.h"

#include <cstdint>
#include <random>
#include <vector>

namespace kstt::gpu {

inline stream & test_stream() {
    static stream one;
    return one;
}

template <typename T>
class device_array {
  public:
    explicit device_array(size_t n) : n_(n), memory_(std::max<size_t>(1, n) * sizeof(T)) {}

    explicit device_array(const std::vector<T> & values) : device_array(values.size()) {
        test_stream().upload(memory_.template as<T>(), values.data(), values.size() * sizeof(T));
        test_stream().wait();
    }

    T * data() const { return memory_.template as<T>(); }

    std::vector<T> read() const {
        std::vector<T> values(n_);
        test_stream().download(values.data(), data(), n_ * sizeof(T));
        test_stream().wait();
        return values;
    }

  private:
    size_t        n_;
    device_memory memory_;
};

class random_numbers {
  public:
    explicit random_numbers(uint32_t seed) : engine_(seed) {}

    float next(float scale = 1.0F) { return scale * distribution_(engine_); }

    std::vector<float> many(size_t n, float scale = 1.0F) {
        std::vector<float> values(n);
        for (float & value : values) {
            value = next(scale);
        }
        return values;
    }

    uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

  private:
    std::mt19937                    engine_;
    std::normal_distribution<float> distribution_;
};

// [n][width] with rows `stride` apart, zeros beyond the width.
inline std::vector<float> spread(const std::vector<float> & values, int64_t width, int64_t stride) {
    const auto         n = static_cast<int64_t>(values.size()) / width;
    std::vector<float> out(static_cast<size_t>(n * stride), 0.0F);
    for (int64_t i = 0; i < n * width; i++) {
        out[static_cast<size_t>(i / width * stride + i % width)] = values[static_cast<size_t>(i)];
    }
    return out;
}

// A matrix on the device, packed.
class test_matrix {
  public:
    test_matrix(const matrix_shape & shape, const void * rows)
        : quants_(pack(shape, rows, false)), scales_(pack(shape, rows, true)) {
        matrix.shape  = shape;
        matrix.quants = quants_.data();
        matrix.scales = reinterpret_cast<const uint16_t *>(scales_.data());
    }

    device_matrix matrix;

  private:
    static std::vector<uint8_t> pack(const matrix_shape & shape, const void * rows, bool want_scales) {
        std::vector<uint8_t> quants(shape.quant_bytes());
        std::vector<uint8_t> scales(shape.scale_bytes());
        pack_matrix(shape, rows, 0, shape.n_strips(), quants.data(), scales.data());
        return want_scales ? scales : quants;
    }

    device_array<uint8_t> quants_;
    device_array<uint8_t> scales_;
};

}  // namespace kstt::gpu
