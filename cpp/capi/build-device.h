// The device that this build computes on: the CPU, or in the CUDA addon the first GPU.
#pragma once

#include "model/networks.h"

#ifdef KSTT_CUDA
#    include "cuda/cuda-device.h"
#endif

namespace kstt {

// Throws DEVICE_UNAVAILABLE with the reason.
inline void check_build_device() {
#ifdef KSTT_CUDA
    check_cuda_device();
#endif
}

inline network_device build_device() {
#ifdef KSTT_CUDA
    return cuda_device();
#else
    return cpu_device();
#endif
}

}  // namespace kstt
