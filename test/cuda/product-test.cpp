// Products with 16-bit and quantized weights: against plain loops in f64, and the same bits for any number of columns.
#include "device-array.h"
#include "kernel-test.h"

#include <ggml.h>

#include <algorithm>
#include <cstring>

namespace {

using namespace kstt::gpu;

struct stored_matrix {
    matrix_shape         shape;
    std::vector<uint8_t> rows;    // in the model's form
    std::vector<float>   values;  // what they stand for
};

ggml_type type_of(matrix_kind kind) {
    switch (kind) {
    case matrix_kind::f16:
        return GGML_TYPE_F16;
    case matrix_kind::bf16:
        return GGML_TYPE_BF16;
    case matrix_kind::q8_0:
        return GGML_TYPE_Q8_0;
    case matrix_kind::q4_0:
        return GGML_TYPE_Q4_0;
    default:
        return GGML_TYPE_F32;
    }
}

stored_matrix make_matrix(matrix_kind kind, int64_t n_out, int64_t k, bool paired, random_numbers & random) {
    stored_matrix result;
    result.shape                    = { kind, n_out, k, paired };
    const std::vector<float> values = random.many(static_cast<size_t>(n_out * k), 0.1F);
    const ggml_type          type   = type_of(kind);
    result.rows.resize(ggml_row_size(type, k) * static_cast<size_t>(n_out));
    ggml_quantize_chunk(type, values.data(), result.rows.data(), 0, n_out, k, nullptr);
    result.values.resize(values.size());
    ggml_get_type_traits(type)->to_float(result.rows.data(), result.values.data(), n_out * k);
    return result;
}

struct product_case {
    matrix_kind kind;
    int64_t     n_out;
    int64_t     k;
    bool        norm;
    product_end end;
};

// All inputs of a product of many columns; run() computes the first of them.
class product_bench {
  public:
    static constexpr int64_t capacity = 128;

    product_bench(const product_case & one, uint32_t seed)
        : case_(one), random_(seed),
          w_(make_matrix(one.kind, one.n_out, one.k, one.end == product_end::swiglu, random_)),
          stride_(round_up(one.k, 64)), y_width_(one.end == product_end::swiglu ? one.n_out / 2 : one.n_out),
          y_stride_(round_up(y_width_, 64)), x_(random_.many(static_cast<size_t>(capacity * one.k))),
          norm_(random_.many(static_cast<size_t>(one.k))),
          before_(random_.many(static_cast<size_t>(capacity * y_width_))), matrix_(w_.shape, w_.rows.data()),
          planes_(static_cast<size_t>(2 * capacity * stride_)), device_x_(spread(x_, one.k, stride_)),
          device_norm_(spread(norm_, one.k, stride_)), sums_(squares()) {}

    struct result {
        std::vector<float> y;     // [n_columns][y_width]
        std::vector<float> sums;  // [n_columns][strips of y]
    };

    result run(int64_t first, int64_t n_columns) {
        const int64_t       strips = (y_width_ + 15) / 16;
        std::vector<float>  before = spread(before_, y_width_, y_stride_);
        device_array<float> y(before);
        device_array<float> sums(static_cast<size_t>(capacity * strips));
        product_call        call;
        call.w         = matrix_.matrix;
        call.x         = device_x_.data() + first * stride_;
        call.x_stride  = static_cast<int32_t>(stride_);
        call.n_columns = static_cast<int32_t>(n_columns);
        call.eps       = 1e-8F;
        if (case_.norm) {
            call.norm      = device_norm_.data();
            call.norm_sums = { sums_.data() + first * norm_strips(), static_cast<int32_t>(norm_strips()) };
        }
        call.y        = y.data() + first * y_stride_;
        call.y_stride = static_cast<int32_t>(y_stride_);
        call.end      = case_.end;
        call.sums     = { sums.data(), static_cast<int32_t>(strips) };
        call.planes   = { planes_.data(), planes_.data() + capacity * stride_ };
        launch_product(test_stream(), call);
        result             out;
        std::vector<float> all = y.read();
        out.sums               = sums.read();
        out.sums.resize(static_cast<size_t>(n_columns * strips));
        for (int64_t i = 0; i < n_columns * y_width_; i++) {
            out.y.push_back(all[static_cast<size_t>((first + i / y_width_) * y_stride_ + i % y_width_)]);
            all[static_cast<size_t>((first + i / y_width_) * y_stride_ + i % y_width_)] =
                before[static_cast<size_t>((first + i / y_width_) * y_stride_ + i % y_width_)];
        }
        // Nothing beside the columns asked for has changed.
        CHECK(all == before);
        return out;
    }

    std::vector<double> expected(int64_t n_columns) const {
        std::vector<double> y;
        for (int64_t column = 0; column < n_columns; column++) {
            std::vector<double> x = normed(column);
            std::vector<double> products(static_cast<size_t>(case_.n_out));
            for (int64_t o = 0; o < case_.n_out; o++) {
                for (int64_t i = 0; i < case_.k; i++) {
                    products[static_cast<size_t>(o)] +=
                        static_cast<double>(w_.values[static_cast<size_t>(o * case_.k + i)]) *
                        x[static_cast<size_t>(i)];
                }
            }
            for (int64_t o = 0; o < y_width_; o++) {
                const double product = products[static_cast<size_t>(o)];
                if (case_.end == product_end::swiglu) {
                    y.push_back(product / (1.0 + std::exp(-product)) * products[static_cast<size_t>(y_width_ + o)]);
                } else {
                    const double before = static_cast<double>(before_[static_cast<size_t>(column * y_width_ + o)]);
                    y.push_back(product + (case_.end == product_end::residual ? before : 0.0));
                }
            }
        }
        return y;
    }

    int64_t y_width() const { return y_width_; }

  private:
    int64_t norm_strips() const { return (case_.k + 15) / 16; }

    std::vector<double> normed(int64_t column) const {
        std::vector<double> x;
        double              squares = 0.0;
        for (int64_t i = 0; i < case_.k; i++) {
            x.push_back(static_cast<double>(x_[static_cast<size_t>(column * case_.k + i)]));
            squares += x.back() * x.back();
        }
        const double factor = 1.0 / std::sqrt(squares / static_cast<double>(case_.k) + 1e-8);
        for (int64_t i = 0; case_.norm && i < case_.k; i++) {
            x[static_cast<size_t>(i)] *= factor * static_cast<double>(norm_[static_cast<size_t>(i)]);
        }
        return x;
    }

    std::vector<float> squares() const {
        std::vector<float> sums(static_cast<size_t>(capacity * norm_strips()), 0.0F);
        for (int64_t i = 0; i < capacity * case_.k; i++) {
            const float x = x_[static_cast<size_t>(i)];
            sums[static_cast<size_t>(i / case_.k * norm_strips() + i % case_.k / 16)] += x * x;
        }
        return sums;
    }

    const product_case     case_;
    random_numbers         random_;
    const stored_matrix    w_;
    const int64_t          stride_;
    const int64_t          y_width_;
    const int64_t          y_stride_;
    std::vector<float>     x_;
    std::vector<float>     norm_;
    std::vector<float>     before_;
    test_matrix            matrix_;
    device_array<uint16_t> planes_;
    device_array<float>    device_x_;
    device_array<float>    device_norm_;
    device_array<float>    sums_;
};

// Activations are good for 16 bits.
constexpr double tolerance = 3e-5;

void check_case(const product_case & one, uint32_t seed) {
    product_bench       bench(one, seed);
    const int64_t       widest = 70;  // a tile of 64 and some
    const auto          all    = bench.run(0, widest);
    std::vector<double> sums;
    CHECK(relative_error(all.y, bench.expected(widest)) < tolerance);
    if (one.end == product_end::residual) {
        const int64_t strips = (bench.y_width() + 15) / 16;
        sums.assign(static_cast<size_t>(widest * strips), 0.0);
        for (int64_t i = 0; i < widest * bench.y_width(); i++) {
            const auto y = static_cast<double>(all.y[static_cast<size_t>(i)]);
            sums[static_cast<size_t>(i / bench.y_width() * strips + i % bench.y_width() / 16)] += y * y;
        }
        CHECK(relative_error(all.sums, sums) < 1e-6);
    }
    for (const int64_t n : { 1, 3, 8, 9, 16, 30 }) {
        const int64_t first = n % 5;
        const auto    few   = bench.run(first, n);
        const auto    from  = all.y.begin() + first * bench.y_width();
        CHECK(std::equal(few.y.begin(), few.y.end(), from));
        if (one.end == product_end::residual) {
            CHECK(
                std::equal(few.sums.begin(), few.sums.end(), all.sums.begin() + first * ((bench.y_width() + 15) / 16)));
        }
    }
}

void test_bf16() {
    check_case({ matrix_kind::bf16, 48, 320, true, product_end::store }, 1);
    check_case({ matrix_kind::bf16, 40, 600, false, product_end::residual }, 2);
    check_case({ matrix_kind::bf16, 100, 64, true, product_end::swiglu }, 3);
    check_case({ matrix_kind::bf16, 21, 40, false, product_end::store }, 4);
}

void test_f16() {
    check_case({ matrix_kind::f16, 30, 288, true, product_end::residual }, 5);
    check_case({ matrix_kind::f16, 32, 48, true, product_end::swiglu }, 6);
}

void test_q8_0() {
    check_case({ matrix_kind::q8_0, 33, 320, true, product_end::store }, 7);
    check_case({ matrix_kind::q8_0, 32, 64, false, product_end::swiglu }, 8);
}

void test_q4_0() {
    check_case({ matrix_kind::q4_0, 48, 288, false, product_end::residual }, 9);
    check_case({ matrix_kind::q4_0, 18, 64, true, product_end::store }, 10);
}

}  // namespace

int main() {
    return run_kernel_tests({ test_bf16, test_f16, test_q8_0, test_q4_0 });
}
