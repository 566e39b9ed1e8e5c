// f32 products and streaming convolutions: against plain loops in f64, and the same bits in calls of any size.
#include "device-array.h"
#include "kernel-test.h"

#include <algorithm>

namespace {

using namespace kstt::gpu;

struct convolution {
    int64_t n_in, n_out, kernel, stride, dilation;
    bool    elu, replicate;

    int64_t context() const { return (kernel - 1) * dilation + 1 - stride; }
};

double activate(double x, bool elu) {
    return elu && x < 0.0 ? std::expm1(x) : x;
}

// One stream from its beginning; x [columns][n_in] -> [columns / stride][n_out], columns rounded up to whole strides.
std::vector<double> convolve(const convolution & c, const std::vector<float> & w, const std::vector<float> & x) {
    const auto          columns = static_cast<int64_t>(x.size()) / c.n_in;
    std::vector<double> y;
    const auto          value = [&](int64_t column, int64_t channel) {
        if ((column < 0 || column >= columns) && !c.replicate) {
            return 0.0;
        }
        const int64_t from = std::clamp<int64_t>(column, 0, columns - 1);
        return activate(static_cast<double>(x[static_cast<size_t>(from * c.n_in + channel)]), c.elu);
    };
    for (int64_t t = 0; t < (columns + c.stride - 1) / c.stride; t++) {
        for (int64_t o = 0; o < c.n_out; o++) {
            double sum = 0.0;
            for (int64_t j = 0; j < c.kernel; j++) {
                for (int64_t i = 0; i < c.n_in; i++) {
                    sum += static_cast<double>(w[static_cast<size_t>((o * c.kernel + j) * c.n_in + i)]) *
                           value(t * c.stride + j * c.dilation - c.context(), i);
                }
            }
            y.push_back(sum);
        }
    }
    return y;
}

// A convolution with its state on the device.
class convolution_bench {
  public:
    static constexpr int32_t n_slots = 4;

    convolution_bench(const convolution & c, uint32_t seed)
        : c_(c), random_(seed), w_(random_.many(static_cast<size_t>(c.n_out * c.kernel * c.n_in), 0.3F)),
          matrix_({ matrix_kind::f32, c.n_out, c.kernel * c.n_in, false }, w_.data()),
          state_(static_cast<size_t>(n_slots * std::max<int64_t>(1, c.context()) * c.n_in)), positions_(n_slots, 0) {}

    const std::vector<float> & weights() const { return w_; }

    std::vector<float> signal(int64_t columns) { return random_.many(static_cast<size_t>(columns * c_.n_in)); }

    std::vector<float> state() const { return state_.read(); }

    void begin(int32_t slot) { positions_[static_cast<size_t>(slot)] = 0; }

    // x [row][columns][n_in] -> [row][out columns][n_out]
    std::vector<float> run(const std::vector<int32_t> & slots, const std::vector<float> & x) {
        const auto           n_rows  = static_cast<int64_t>(slots.size());
        const auto           columns = static_cast<int64_t>(x.size()) / n_rows / c_.n_in;
        std::vector<int32_t> positions;
        for (const int32_t slot : slots) {
            positions.push_back(slot < 0 ? 0 : positions_[static_cast<size_t>(slot)]++);
        }
        device_array<float>   input(x);
        device_array<int32_t> device_slots(slots);
        device_array<int32_t> device_positions(positions);
        f32_call              call;
        call.w                 = matrix_.matrix;
        window_source & source = call.source;
        source.x               = input.data();
        source.state           = state_.data();
        source.slots           = device_slots.data();
        source.positions       = device_positions.data();
        source.n_in = source.x_stride = static_cast<int32_t>(c_.n_in);
        source.columns                = static_cast<int32_t>(columns);
        source.stride                 = static_cast<int32_t>(c_.stride);
        source.dilation               = static_cast<int32_t>(c_.dilation);
        source.context                = static_cast<int32_t>(c_.context());
        source.elu                    = c_.elu;
        source.replicate              = c_.replicate;
        call.n_rows                   = static_cast<int32_t>(n_rows);
        call.out_columns              = static_cast<int32_t>((columns + c_.stride - 1) / c_.stride);
        call.y_stride                 = static_cast<int32_t>(c_.n_out);
        device_array<float> y(static_cast<size_t>(n_rows * call.out_columns * c_.n_out));
        call.y = y.data();
        launch_f32_product(test_stream(), call);
        device_array<context_entry> entries(std::vector<context_entry>{ { source, state_.data() } });
        launch_contexts(test_stream(), entries.data(), 1, static_cast<int32_t>(n_rows));
        return y.read();
    }

  private:
    const convolution    c_;
    random_numbers       random_;
    std::vector<float>   w_;
    test_matrix          matrix_;
    device_array<float>  state_;
    std::vector<int32_t> positions_;
};

std::vector<float> part(const std::vector<float> & x, int64_t first, int64_t n) {
    return { x.begin() + first, x.begin() + first + n };
}

void check_convolution(const convolution & c, int64_t columns, const std::vector<int64_t> & cuts) {
    convolution_bench        bench(c, static_cast<uint32_t>(c.n_out));
    const std::vector<float> x     = bench.signal(columns);
    const std::vector<float> whole = bench.run({ 1 }, x);
    CHECK(relative_error(whole, convolve(c, bench.weights(), x)) < 1e-5);
    // In pieces, beside another stream and an unused row.
    const std::vector<float> other = bench.signal(columns);
    const std::vector<float> alone = bench.run({ 3 }, other);
    bench.begin(3);
    std::vector<float> before = bench.state();
    std::vector<float> pieces;
    std::vector<float> others;
    int64_t            first = 0;
    for (const int64_t n : cuts) {
        std::vector<float> rows = part(other, first * c.n_in, n * c.n_in);
        rows.resize(static_cast<size_t>(2 * n * c.n_in), 7.0F);
        const std::vector<float> mine = part(x, first * c.n_in, n * c.n_in);
        rows.insert(rows.end(), mine.begin(), mine.end());
        const std::vector<float> y     = bench.run({ 3, -1, 0 }, rows);
        const auto               third = static_cast<int64_t>(y.size()) / 3;
        others.insert(others.end(), y.begin(), y.begin() + third);
        pieces.insert(pieces.end(), y.begin() + 2 * third, y.end());
        first += n;
    }
    CHECK_EQUAL(first, columns);
    CHECK(pieces == whole);
    CHECK(others == alone);
    // Slots that took no part keep their state.
    const std::vector<float> after = bench.state();
    const auto               width = static_cast<int64_t>(before.size()) / convolution_bench::n_slots;
    CHECK(part(after, width, 2 * width) == part(before, width, 2 * width));
    CHECK(c.context() == 0 || part(after, 0, width) == part(after, width, width));
}

void test_convolutions() {
    check_convolution({ 1, 8, 7, 1, 1, false, false }, 120, { 40, 40, 20, 20 });
    check_convolution({ 8, 12, 3, 1, 2, true, false }, 60, { 20, 4, 36 });
    check_convolution({ 6, 20, 8, 4, 1, true, true }, 64, { 32, 4, 28 });
    check_convolution({ 16, 16, 4, 2, 1, false, true }, 12, { 2, 2, 2, 6 });
    check_convolution({ 5, 9, 1, 1, 1, true, false }, 30, { 10, 20 });
}

// Enough columns for tiles; the pieces take the other kernel.
void test_large_convolution() {
    check_convolution({ 8, 70, 4, 2, 1, true, false }, 16384, { 16320, 64 });
}

void test_unfinished_end() {
    for (const bool replicate : { false, true }) {
        const convolution        c = { 4, 6, 8, 4, 1, true, replicate };
        convolution_bench        bench(c, 3);
        const std::vector<float> x = bench.signal(18);
        CHECK(relative_error(bench.run({ 0 }, x), convolve(c, bench.weights(), x)) < 1e-5);
    }
}

// Norm, bias, GELU, scale and residual around a plain product, for many and for few columns.
void test_linear() {
    constexpr int64_t  k       = 100;
    constexpr int64_t  n       = 66;
    constexpr int64_t  stride  = 128;
    constexpr int64_t  columns = 8200;
    random_numbers     random(11);
    std::vector<float> w        = random.many(n * k, 0.2F);
    std::vector<float> x        = random.many(columns * k);
    std::vector<float> y_before = random.many(columns * n);
    std::vector<float> weight   = random.many(k);
    std::vector<float> bias     = random.many(k);
    std::vector<float> out_bias = random.many(n);
    std::vector<float> scale    = random.many(n);
    for (const bool centred : { false, true }) {
        std::vector<double> expected;
        for (int64_t c = 0; c < columns; c++) {
            const float * column = x.data() + c * k;
            double        mean   = 0.0;
            double        square = 0.0;
            for (int64_t i = 0; centred && i < k; i++) {
                mean += static_cast<double>(column[i]) / static_cast<double>(k);
            }
            for (int64_t i = 0; i < k; i++) {
                square += std::pow(static_cast<double>(column[i]) - mean, 2.0) / static_cast<double>(k);
            }
            for (int64_t o = 0; o < n; o++) {
                double sum = static_cast<double>(out_bias[static_cast<size_t>(o)]);
                for (int64_t i = 0; i < k; i++) {
                    double value = (static_cast<double>(column[i]) - mean) / std::sqrt(square + 1e-5) *
                                   static_cast<double>(weight[static_cast<size_t>(i)]);
                    value += centred ? static_cast<double>(bias[static_cast<size_t>(i)]) : 0.0;
                    sum += static_cast<double>(w[static_cast<size_t>(o * k + i)]) * value;
                }
                sum = 0.5 * sum * (1.0 + std::erf(sum / std::sqrt(2.0)));
                expected.push_back(sum * static_cast<double>(scale[static_cast<size_t>(o)]) +
                                   static_cast<double>(y_before[static_cast<size_t>(c * n + o)]));
            }
        }
        test_matrix         matrix({ matrix_kind::f32, n, k, false }, w.data());
        device_array<float> device_x(spread(x, k, stride));
        device_array<float> device_weight(weight);
        device_array<float> device_bias(bias);
        device_array<float> device_out_bias(out_bias);
        device_array<float> device_scale(scale);
        device_array<float> normed(columns * stride);
        const auto          run = [&](int64_t first, int64_t count) {
            device_array<float> y(y_before);
            f32_call            call;
            call.w               = matrix.matrix;
            call.source.x        = device_x.data() + first * stride;
            call.source.n_in     = k;
            call.source.x_stride = stride;
            call.source.columns = call.out_columns = static_cast<int32_t>(count);
            call.norm     = { device_weight.data(), centred ? device_bias.data() : nullptr, 1e-5F };
            call.bias     = device_out_bias.data();
            call.gelu     = true;
            call.scale    = device_scale.data();
            call.y        = y.data() + first * n;
            call.residual = call.y;
            call.y_stride = n;
            call.normed   = normed.data();
            launch_f32_product(test_stream(), call);
            return part(y.read(), first * n, count * n);
        };
        const std::vector<float> all = run(0, columns);
        CHECK(relative_error(all, expected) < 1e-5);
        for (const int64_t count : { 1, 2, 5, 20 }) {
            CHECK(run(3, count) == part(all, 3 * n, count * n));
        }
    }
}

void test_swiglu() {
    random_numbers      random(12);
    std::vector<float>  x = random.many(3 * 80);
    device_array<float> device_x(x);
    device_array<float> y(3 * 48);
    launch_swiglu(test_stream(), device_x.data(), 80, y.data(), 48, 40, 3);
    const std::vector<float> found = y.read();
    std::vector<double>      expected(3 * 48, 0.0);
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < 40; i++) {
            const auto gate      = static_cast<double>(x[c * 80 + i]);
            expected[c * 48 + i] = gate / (1.0 + std::exp(-gate)) * static_cast<double>(x[c * 80 + 40 + i]);
        }
    }
    CHECK(relative_error(found, expected) < 1e-6);
}

}  // namespace

int main() {
    return run_kernel_tests(
        { test_convolutions, test_large_convolution, test_unfinished_end, test_linear, test_swiglu });
}
