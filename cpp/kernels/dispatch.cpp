// Chooses the kernels this processor can run.
#include "kernels/kernels.h"

#include <cstdlib>
#include <cstring>

namespace kstt {

const kernel_table & kernels_base();
#ifdef KSTT_HAVE_KERNELS_avx2
const kernel_table & kernels_avx2();
#endif
#ifdef KSTT_HAVE_KERNELS_avx512
const kernel_table & kernels_avx512();
#endif

namespace {

[[maybe_unused]] bool allowed(const char * limit, int rank) {
    if (limit == nullptr || *limit == '\0') {
        return true;
    }
    const int limit_rank = std::strcmp(limit, "base") == 0 ? 0 : std::strcmp(limit, "avx2") == 0 ? 1 : 2;
    return rank <= limit_rank;
}

const kernel_table & choose() {
    [[maybe_unused]] const char * limit = std::getenv("KSTT_KERNELS");
#ifdef KSTT_HAVE_KERNELS_avx512
    if (allowed(limit, 2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2")) {
        return kernels_avx512();
    }
#endif
#ifdef KSTT_HAVE_KERNELS_avx2
    if (allowed(limit, 1) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2")) {
        return kernels_avx2();
    }
#endif
    return kernels_base();
}

}  // namespace

const kernel_table & kernels() {
    static const kernel_table & chosen = choose();
    return chosen;
}

}  // namespace kstt
