// Chooses the kernels this processor can run.
#include "kernels/kernels.h"

#include "kernels/packed-weights.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace kstt {

#ifdef __wasm__
const kernel_table &                       kernels_simd128();
// Only in modules for engines with relaxed SIMD: a module with instructions that the engine lacks does not load at all.
__attribute__((weak)) const kernel_table & kernels_relaxed();
#else
const kernel_table & kernels_base();
#endif
#ifdef KSTT_HAVE_KERNELS_avx2
const kernel_table & kernels_avx2();
const kernel_table & kernels_avxvnni();
const kernel_table & kernels_avx512();
const kernel_table & kernels_avx512vnni();
#endif

namespace {

#ifdef __wasm__

// A product of two columns that every correct engine gives the same bits for.
std::vector<float> trial(const kernel_table & table, weight_kind kind, const void * w, const std::vector<float> & x) {
    const auto                    k = static_cast<int64_t>(x.size() / 2);
    std::vector<activation_block> blocks(x.size() / block_weights);
    std::vector<float>            y(2 * strip_rows);
    matmul_args                   args;
    args.w        = w;
    args.kind     = kind;
    args.k        = k;
    args.n_out    = strip_rows;
    args.x        = x.data();
    args.x_stride = k;
    args.x_blocks = blocks.data();
    args.y        = y.data();
    args.y_stride = strip_rows;
    args.o1       = strip_rows;
    args.t1       = 2;
    if (is_packed(kind)) {
        table.quantize(kind, x.data(), 2 * k, blocks.data());
        table.matmul_packed(args);
    } else {
        table.matmul(args);
    }
    return y;
}

// Engines on which relaxed SIMD is an experiment may compute it wrongly: V8 11.3 does in its first compiler.
bool multiplies_alike(const kernel_table & a, const kernel_table & b) {
    constexpr int64_t    k      = 64;
    const strip_layout   layout = layout_of(weight_kind::q4_0, k);
    std::vector<uint8_t> packed(static_cast<size_t>(layout.bytes(k)));
    std::vector<float>   x(2 * k);
    std::vector<float>   w(strip_rows * k);
    for (size_t i = 0; i < packed.size(); i++) {
        packed[i] = i < static_cast<size_t>(layout.scales) ? 0x2c : static_cast<uint8_t>(i * 37);
    }
    for (size_t i = 0; i < x.size(); i++) {
        x[i] = static_cast<float>(i * 29 % 64) - 31.5F;
    }
    // Halves of whole numbers: the sums are exact, however often they are rounded.
    for (size_t i = 0; i < w.size(); i++) {
        w[i] = static_cast<float>(i * 43 % 128) - 63.5F;
    }
    return trial(a, weight_kind::q4_0, packed.data(), x) == trial(b, weight_kind::q4_0, packed.data(), x) &&
           trial(a, weight_kind::f32, w.data(), x) == trial(b, weight_kind::f32, w.data(), x);
}

#endif

struct table_list {
    const kernel_table * tables[5] = {};
    int32_t              n         = 0;

    table_list() {
#ifdef KSTT_HAVE_KERNELS_avx2
        const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                          __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
        const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        if (avx512 && __builtin_cpu_supports("avx512vnni")) {
            tables[n++] = &kernels_avx512vnni();
        }
        if (avx512) {
            tables[n++] = &kernels_avx512();
        }
        if (avx2 && __builtin_cpu_supports("avxvnni")) {
            tables[n++] = &kernels_avxvnni();
        }
        if (avx2) {
            tables[n++] = &kernels_avx2();
        }
#endif
#ifdef __wasm__
        if (&kernels_relaxed != nullptr && multiplies_alike(kernels_relaxed(), kernels_simd128())) {
            tables[n++] = &kernels_relaxed();
        }
        tables[n++] = &kernels_simd128();
#else
        tables[n++] = &kernels_base();
#endif
    }
};

const table_list & all_tables() {
    static const table_list list;
    return list;
}

const kernel_table & choose() {
    const table_list & list   = all_tables();
    const char *       wanted = std::getenv("KSTT_KERNELS");
    for (int32_t i = 0; wanted != nullptr && i < list.n; i++) {
        if (std::strcmp(list.tables[i]->name, wanted) == 0) {
            return *list.tables[i];
        }
    }
    return *list.tables[0];
}

}  // namespace

const kernel_table & kernels() {
    static const kernel_table & chosen = choose();
    return chosen;
}

const kernel_table * const * available_kernels(int32_t * n_tables) {
    *n_tables = all_tables().n;
    return all_tables().tables;
}

}  // namespace kstt
