// Names of what one instruction set's sources share: <name>_<isa>. Included only through kernels.cpp and packed.cpp.
#pragma once

#include "kernels/kernels.h"

#define KSTT_STRING_(x)  #x
#define KSTT_STRING(x)   KSTT_STRING_(x)
#define KSTT_JOIN_(a, b) a##b
#define KSTT_JOIN(a, b)  KSTT_JOIN_(a, b)

namespace kstt {

void KSTT_JOIN(quantize_, KSTT_KERNEL_ISA)(weight_kind kind, const float * x, int64_t n, activation_block * blocks);
void KSTT_JOIN(matmul_packed_, KSTT_KERNEL_ISA)(const matmul_args & args);

}  // namespace kstt
