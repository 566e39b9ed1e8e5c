// Chooses the kernels this processor can run.
#include "kernels/kernels.h"

#include <cstdlib>
#include <cstring>

namespace kstt {

#ifdef __wasm__
const kernel_table & kernels_simd128();
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
