// Products with quantized weights: every instruction set of this machine against f64 arithmetic over the same blocks,
// against the weights before they were quantized, and bit for bit against each other and against single columns.
#include "check.h"
#include "kernels/packed-weights.h"

#include <ggml.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace {

using namespace kstt;

struct format_case {
    weight_kind kind;
    ggml_type   type;
    // Root mean square of the error of a product, relative to the product of unquantized weights and activations, for
    // Gaussian values. What was found, rounded up.
    double      loose;
};

const format_case formats[] = { { weight_kind::q8_0, GGML_TYPE_Q8_0, 0.011 },
                                { weight_kind::q4_0, GGML_TYPE_Q4_0, 0.11 },
                                { weight_kind::q4_k, GGML_TYPE_Q4_K, 0.09 } };

std::vector<float> gaussian(int64_t n, uint32_t seed) {
    std::mt19937                    engine(seed);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float>              values(static_cast<size_t>(n));
    for (float & value : values) {
        value = normal(engine);
    }
    return values;
}

size_t at(int64_t i) {
    return static_cast<size_t>(i);
}

// A matrix in all its forms.
struct quantized_matrix {
    const format_case &  format;
    int64_t              k;
    int64_t              n_out;
    std::vector<float>   original;
    std::vector<uint8_t> blocks;  // ggml's form
    std::vector<float>   values;  // what the blocks stand for, by ggml
    std::vector<uint8_t> packed;

    quantized_matrix(const format_case & f, int64_t k_, int64_t n_out_)
        : format(f), k(k_), n_out(n_out_), original(gaussian(k * n_out, 1)) {
        blocks.resize(ggml_row_size(f.type, k) * at(n_out));
        ggml_quantize_chunk(f.type, original.data(), blocks.data(), 0, n_out, k, nullptr);
        values.resize(original.size());
        ggml_get_type_traits(f.type)->to_float(blocks.data(), values.data(), k * n_out);
        packed.resize(at(packed_bytes(f.kind, k, n_out)), 0xa5);
        // In two parts, as threads do it.
        const int64_t half = n_strips(n_out) / 2;
        pack_strips(f.kind, blocks.data(), k, n_out, half, n_strips(n_out), packed.data());
        pack_strips(f.kind, blocks.data(), k, n_out, 0, half, packed.data());
    }
};

struct columns {
    std::vector<float>            x;
    std::vector<activation_block> blocks;

    columns(const kernel_table & table, weight_kind kind, int64_t k, int64_t n)
        : x(gaussian(k * n, 2)), blocks(at(k * n / 32)) {
        x[0] = 40.0F;  // a block of one large value
        for (int64_t i = 32; i < 64 && i < k * n; i++) {
            x[at(i)] = 0.0F;  // a block of zeros
        }
        table.quantize(kind, x.data(), k * n, blocks.data());
    }
};

struct product {
    std::vector<float> bias, scale, residual, y;

    product(int64_t n_out, int64_t n_columns)
        : bias(gaussian(n_out, 3)), scale(gaussian(n_out, 4)), residual(gaussian(n_out * n_columns, 5)),
          y(residual.size(), std::numeric_limits<float>::quiet_NaN()) {}

    matmul_args args(const quantized_matrix & w, const columns & x, int64_t n_columns) {
        matmul_args a;
        a.w        = w.packed.data();
        a.kind     = w.format.kind;
        a.k        = w.k;
        a.n_out    = w.n_out;
        a.x_blocks = x.blocks.data();
        a.y        = y.data();
        a.y_stride = w.n_out;
        a.bias     = bias.data();
        a.scale    = scale.data();
        a.residual = residual.data();
        a.o1       = w.n_out;
        a.t1       = n_columns;
        return a;
    }
};

// One element in f64, and the bound of what f32 may differ: n blocks are added one after the other, each after two or
// three roundings of its own.
void check_element(const quantized_matrix & w, const columns & x, const product & p, int64_t o, int64_t t) {
    const int64_t n_blocks = w.k / 32;
    double        sum      = 0.0;
    double        size     = 0.0;
    for (int64_t b = 0; b < n_blocks; b++) {
        const activation_block & column = x.blocks[at(t * n_blocks + b)];
        for (int64_t i = 0; i < 32; i++) {
            const double term = static_cast<double>(w.values[at(o * w.k + b * 32 + i)]) *
                                static_cast<double>(column.scale) * column.quants[i];
            sum += term;
            size += std::abs(term);
        }
    }
    const double scale = static_cast<double>(p.scale[at(o)]);
    const double expected =
        static_cast<double>(p.residual[at(t * w.n_out + o)]) + scale * (static_cast<double>(p.bias[at(o)]) + sum);
    const double epsilon = 6.0e-8;
    const double bound   = epsilon * (std::abs(scale) * size * (4.0 + std::sqrt(static_cast<double>(n_blocks))) +
                                    4.0 * (std::abs(expected) + std::abs(scale * sum) + 10.0));
    const auto   found   = static_cast<double>(p.y[at(t * w.n_out + o)]);
    CHECK(std::abs(found - expected) <= bound);
}

void test_product(const format_case & format, int64_t k, int64_t n_out, int64_t n_columns) {
    const quantized_matrix             w(format, k, n_out);
    std::vector<float>                 first;
    int32_t                            n_tables = 0;
    const kernel_table * const * const tables   = available_kernels(&n_tables);
    for (int32_t i = 0; i < n_tables; i++) {
        const kernel_table & table = *tables[i];
        const columns        x(table, format.kind, k, n_columns);
        product              whole(n_out, n_columns);
        table.matmul_packed(whole.args(w, x, n_columns));
        for (int64_t t = 0; t < n_columns; t++) {
            for (int64_t o = 0; o < n_out; o++) {
                check_element(w, x, whole, o, t);
            }
        }
        // One element at a time gives the same bits, and touches nothing else.
        product     single(n_out, n_columns);
        matmul_args args = single.args(w, x, n_columns);
        for (int64_t t = 0; t < n_columns; t++) {
            for (int64_t o = 0; o < n_out; o++) {
                args.o0 = o;
                args.o1 = o + 1;
                args.t0 = t;
                args.t1 = t + 1;
                table.matmul_packed(args);
                const size_t next = at(t * n_out + o + 1);
                CHECK(next == single.y.size() || std::isnan(single.y[next]));
            }
        }
        CHECK(std::memcmp(whole.y.data(), single.y.data(), whole.y.size() * sizeof(float)) == 0);
        first = i == 0 ? whole.y : first;
        CHECK(std::memcmp(whole.y.data(), first.data(), first.size() * sizeof(float)) == 0);
    }
}

// Against the product that was meant.
void test_loose(const format_case & format) {
    const int64_t          k     = 2048;
    const int64_t          n_out = 64;
    const quantized_matrix w(format, k, n_out);
    int32_t                n_tables = 0;
    const kernel_table &   table    = *available_kernels(&n_tables)[0];
    columns                x(table, format.kind, k, 1);
    x.x = gaussian(k, 7);
    table.quantize(w.format.kind, x.x.data(), k, x.blocks.data());
    product     p(n_out, 1);
    matmul_args args = p.args(w, x, 1);
    args.bias        = nullptr;
    args.scale       = nullptr;
    args.residual    = nullptr;
    table.matmul_packed(args);
    double error = 0.0;
    double size  = 0.0;
    for (int64_t o = 0; o < n_out; o++) {
        double sum = 0.0;
        for (int64_t i = 0; i < k; i++) {
            sum += static_cast<double>(w.original[at(o * k + i)]) * static_cast<double>(x.x[at(i)]);
        }
        error += (sum - static_cast<double>(p.y[at(o)])) * (sum - static_cast<double>(p.y[at(o)]));
        size += sum * sum;
    }
    std::printf("%s: relative error of a product %.4f\n", ggml_type_name(format.type), std::sqrt(error / size));
    CHECK(std::sqrt(error / size) < format.loose);
}

// All instruction sets give the same quants, the nearest ones; odd values survive.
void test_quantize() {
    std::vector<float> x        = gaussian(32 * 50, 11);
    const float        infinity = std::numeric_limits<float>::infinity();
    x[0]                        = 1.0e-38F;  // block 0: tiny beside the rest
    for (int64_t i = 32; i < 64; i++) {
        x[at(i)]      = i % 2 == 0 ? 1.0e-36F : -1.0e-40F;           // block 1: all tiny
        x[at(i + 32)] = -127.0F + static_cast<float>(i % 4) * 0.5F;  // block 2: halves
    }
    x[3 * 32 + 5]                               = infinity;
    x[4 * 32 + 6]                               = std::numeric_limits<float>::quiet_NaN();
    int32_t                            n_tables = 0;
    const kernel_table * const * const tables   = available_kernels(&n_tables);
    std::vector<activation_block>      first;
    for (int32_t table = 0; table < n_tables; table++) {
        std::vector<activation_block> blocks(50);
        tables[table]->quantize(weight_kind::q4_0, x.data(), 32 * 50, blocks.data());
        CHECK(!std::isfinite(blocks[3].scale) && !std::isfinite(blocks[4].scale));
        CHECK_EQUAL(blocks[1].scale, 0.0F);
        for (size_t b = 0; b < blocks.size(); b++) {
            int32_t sum   = 0;
            double  worst = 0.0;
            for (size_t i = 0; i < 32; i++) {
                const double value = static_cast<double>(blocks[b].scale) * blocks[b].quants[i];
                sum += blocks[b].quants[i];
                worst = std::max(worst, std::abs(value - static_cast<double>(x[b * 32 + i])));
            }
            if (b != 3 && b != 4) {
                CHECK_EQUAL(blocks[b].sum, sum);
                // Half a step, and the rounding of the step itself.
                CHECK(worst <= static_cast<double>(blocks[b].scale) * 0.50002 + 1.0e-30);
            }
        }
        blocks[3] = blocks[4] = {};  // what stands beside an infinite scale does not matter
        first                 = table == 0 ? blocks : first;
        CHECK(std::memcmp(blocks.data(), first.data(), first.size() * sizeof(activation_block)) == 0);
    }
}

void test_products() {
    for (const format_case & format : formats) {
        test_loose(format);
        for (const int64_t n_columns : { 1, 2, 3, 7, 9 }) {
            test_product(format, 256, 1, n_columns);
            test_product(format, 768, 53, n_columns);
        }
        test_product(format, 2048, 96, 5);
        test_product(format, 5632, 17, 2);
        if (format.kind != weight_kind::q4_k) {
            test_product(format, 32, 16, 3);
            test_product(format, 96, 33, 6);
        }
    }
}

}  // namespace

int main() {
    int32_t                            n_tables = 0;
    const kernel_table * const * const tables   = available_kernels(&n_tables);
    for (int32_t i = 0; i < n_tables; i++) {
        std::printf("kernels: %s\n", tables[i]->name);
    }
    return check_run({ test_quantize, test_products });
}
