// Each instruction set's kernels against f64 arithmetic, and their promise that tiling never changes a result.
#include "check.h"
#include "kernels/kernels.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace {

using namespace kstt;

std::vector<float> random_floats(size_t n, uint32_t seed, float scale = 1.0F) {
    std::mt19937                          engine(seed);
    std::uniform_real_distribution<float> uniform(-scale, scale);
    std::vector<float>                    values(n);
    for (float & value : values) {
        value = uniform(engine);
    }
    return values;
}

uint16_t to_bf16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<uint16_t>(bits >> 16);
}

// Weights in one of the stored types, and the values they stand for.
struct test_weights {
    std::vector<float>    f32;
    std::vector<uint16_t> half;
    std::vector<double>   exact;
    weight_kind           kind;

    const void * data() const {
        return kind == weight_kind::f32 ? static_cast<const void *>(f32.data())
                                        : static_cast<const void *>(half.data());
    }
};

double f16_value(uint16_t h) {
    const int    exponent = (h >> 10) & 31;
    const double fraction = h & 1023;
    const double value    = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
    return (h & 0x8000) != 0 ? -value : value;
}

test_weights make_weights(const kernel_table & table, weight_kind kind, size_t n, uint32_t seed) {
    test_weights w;
    w.kind = kind;
    w.f32  = random_floats(n, seed);
    w.half.resize(n);
    if (kind == weight_kind::f16) {
        w.f32[0] = 3.0e-7F;  // subnormal
        table.f32_to_f16(w.f32.data(), w.half.data(), static_cast<int64_t>(n));
    }
    for (size_t i = 0; i < n; i++) {
        if (kind == weight_kind::bf16) {
            w.half[i]           = to_bf16(w.f32[i]);
            const uint32_t bits = static_cast<uint32_t>(w.half[i]) << 16;
            float          value;
            std::memcpy(&value, &bits, sizeof(value));
            w.exact.push_back(static_cast<double>(value));
        } else {
            w.exact.push_back(kind == weight_kind::f16 ? f16_value(w.half[i]) : static_cast<double>(w.f32[i]));
        }
    }
    return w;
}

void test_matmul(
    const kernel_table & table, weight_kind kind, int64_t k, int64_t n_out, int64_t n_columns, int64_t step) {
    const test_weights       w        = make_weights(table, kind, static_cast<size_t>(k * n_out), 1);
    const std::vector<float> x        = random_floats(static_cast<size_t>((n_columns - 1) * step + k), 2);
    const std::vector<float> bias     = random_floats(static_cast<size_t>(n_out), 3);
    const std::vector<float> scale    = random_floats(static_cast<size_t>(n_out), 4);
    const std::vector<float> residual = random_floats(static_cast<size_t>(n_out * n_columns), 5);
    std::vector<float>       whole(residual.size());
    std::vector<float>       single(residual.size());

    matmul_args args;
    args.w        = w.data();
    args.kind     = kind;
    args.k        = k;
    args.n_out    = n_out;
    args.x        = x.data();
    args.x_stride = step;
    args.y_stride = n_out;
    args.bias     = bias.data();
    args.scale    = scale.data();
    args.residual = residual.data();
    args.y        = whole.data();
    args.o1       = n_out;
    args.t1       = n_columns;
    table.matmul(args);
    args.y = single.data();
    for (int64_t o = 0; o < n_out; o++) {
        for (int64_t t = 0; t < n_columns; t++) {
            args.o0 = o;
            args.o1 = o + 1;
            args.t0 = t;
            args.t1 = t + 1;
            table.matmul(args);
        }
    }
    double worst = 0.0;
    for (int64_t t = 0; t < n_columns; t++) {
        for (int64_t o = 0; o < n_out; o++) {
            double sum = 0.0;
            for (int64_t i = 0; i < k; i++) {
                sum +=
                    w.exact[static_cast<size_t>(o * k + i)] * static_cast<double>(x[static_cast<size_t>(t * step + i)]);
            }
            const auto   at = static_cast<size_t>(t * n_out + o);
            const double expected =
                static_cast<double>(residual[at]) + static_cast<double>(scale[static_cast<size_t>(o)]) *
                                                        (static_cast<double>(bias[static_cast<size_t>(o)]) + sum);
            worst = std::max(worst, std::abs(static_cast<double>(whole[at]) - expected));
        }
    }
    // Rounding of k additions of products below 1: a random walk of k steps of half an ulp, with a margin of 8.
    CHECK(worst < 8.0 * std::sqrt(static_cast<double>(k)) * 6.0e-8 + 1.0e-6);
    CHECK(std::memcmp(whole.data(), single.data(), whole.size() * sizeof(float)) == 0);
}

void test_attention(
    const kernel_table & table, weight_kind kind, int64_t head_dim, int64_t n_keys, int64_t capacity, int64_t first) {
    const int64_t      stride = head_dim + 5;
    const test_weights keys   = make_weights(table, kind, static_cast<size_t>(capacity * stride), 6);
    const test_weights values = make_weights(table, kind, static_cast<size_t>(capacity * stride), 7);
    const auto         q      = random_floats(static_cast<size_t>(head_dim), 8, 3.0F);
    std::vector<float> scores(static_cast<size_t>(n_keys));
    std::vector<float> out(static_cast<size_t>(head_dim));
    attention_args     args;
    args.q        = q.data();
    args.k        = keys.data();
    args.v        = values.data();
    args.kind     = kind;
    args.stride   = stride;
    args.capacity = capacity;
    args.first    = first;
    args.n_keys   = n_keys;
    args.head_dim = head_dim;
    args.scale    = 0.3F;
    args.scores   = scores.data();
    args.out      = out.data();
    table.attend(args);

    std::vector<double> p(static_cast<size_t>(n_keys));
    double              sum = 0.0;
    for (int64_t i = 0; i < n_keys; i++) {
        const int64_t place = (first + i) % capacity;
        double        dot   = 0.0;
        for (int64_t d = 0; d < head_dim; d++) {
            dot += keys.exact[static_cast<size_t>(place * stride + d)] * static_cast<double>(q[static_cast<size_t>(d)]);
        }
        p[static_cast<size_t>(i)] = std::exp(dot * static_cast<double>(args.scale));
        sum += p[static_cast<size_t>(i)];
    }
    double worst = 0.0;
    for (int64_t d = 0; d < head_dim; d++) {
        double expected = 0.0;
        for (int64_t i = 0; i < n_keys; i++) {
            expected += p[static_cast<size_t>(i)] / sum *
                        values.exact[static_cast<size_t>((first + i) % capacity * stride + d)];
        }
        worst = std::max(worst, std::abs(expected - static_cast<double>(out[static_cast<size_t>(d)])));
    }
    CHECK(worst < 3.0e-6);
}

void test_elu(const kernel_table & table) {
    std::vector<float> x = { 0.0F,  -0.0F, 1.5F,   -1.0e-8F, -1.0e-4F, -0.3F,
                             -0.7F, -5.0F, -20.0F, -90.0F,   -1.0e30F, 1.0e30F };
    for (const float value : random_floats(1000, 9, 12.0F)) {
        x.push_back(value);
    }
    std::vector<float> y(x.size());
    table.elu(x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0.0;
    for (size_t i = 0; i < x.size(); i++) {
        const double exact = x[i] > 0.0F ? static_cast<double>(x[i]) : std::expm1(static_cast<double>(x[i]));
        const double size  = std::max(std::abs(exact), 1.0e-30);
        worst              = std::max(worst, std::abs(static_cast<double>(y[i]) - exact) / size);
    }
    CHECK(worst < 3.0e-7);  // relative, also next to zero
}

void test_nearest(const kernel_table & table) {
    for (const int64_t n : { 1, 3, 16, 17, 64, 100, 2048 }) {
        std::vector<float> dot = random_floats(static_cast<size_t>(n), static_cast<uint32_t>(n));
        std::vector<float> half(dot.size(), 0.25F);
        const auto         last = static_cast<size_t>(n - 1);
        dot[last]               = 9.0F;
        CHECK_EQUAL(table.nearest(dot.data(), half.data(), n), static_cast<int32_t>(last));
        // Ties go to the first.
        dot[last / 2] = 9.0F;
        CHECK_EQUAL(table.nearest(dot.data(), half.data(), n), static_cast<int32_t>(last / 2));
        half[last / 2] = 0.26F;
        CHECK_EQUAL(table.nearest(dot.data(), half.data(), n), static_cast<int32_t>(last));
    }
}

void test_f16(const kernel_table & table) {
    const std::vector<float> x          = { 1.0F,
                                            -2.0F,
                                            65504.0F,
                                            65520.0F,
                                            1.0e6F,
                                            6.0e-8F,
                                            2.9e-8F,
                                            0.0F,
                                            1.0009765625F,
                                            1.00048828125F,
                                            std::numeric_limits<float>::infinity() };
    const uint16_t           expected[] = {
        0x3c00, 0xc000, 0x7bff, 0x7c00, 0x7c00, 0x0001, 0x0000, 0x0000, 0x3c01, 0x3c00, 0x7c00
    };
    std::vector<uint16_t> y(x.size());
    table.f32_to_f16(x.data(), y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); i++) {
        CHECK_EQUAL(y[i], expected[i]);
    }
}

}  // namespace

int main() {
    int32_t                            n_tables = 0;
    const kernel_table * const * const tables   = available_kernels(&n_tables);
    for (int32_t i = 0; i < n_tables; i++) {
        const kernel_table & table = *tables[i];
        std::printf("kernels: %s\n", table.name);
        for (const weight_kind kind : { weight_kind::f32, weight_kind::f16, weight_kind::bf16 }) {
            test_matmul(table, kind, 7, 13, 5, 1);
            test_matmul(table, kind, 64, 8, 1, 64);
            test_matmul(table, kind, 100, 21, 31, 100);
            test_matmul(table, kind, 192, 37, 19, 64);
            test_matmul(table, kind, 2048, 5, 3, 2048);
            test_matmul(table, kind, 2048, 515, 1, 2048);  // beyond a cache
            test_matmul(table, kind, 512, 2051, 2, 512);
        }
        for (const weight_kind kind : { weight_kind::f32, weight_kind::f16 }) {
            test_attention(table, kind, 64, 1, 10, 3);
            test_attention(table, kind, 64, 7, 10, 8);
            test_attention(table, kind, 6, 40, 41, 100);
            test_attention(table, kind, 128, 250, 250, 777);
        }
        test_elu(table);
        test_nearest(table);
        test_f16(table);
    }
    return check_report();
}
