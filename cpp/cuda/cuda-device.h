// The first NVIDIA GPU as a device of an engine. No CUDA header is needed to use it.
#pragma once

#include "model/networks.h"

namespace kstt {

// Throws DEVICE_UNAVAILABLE with the reason: no driver, too old a driver, no device, or none that there is code for.
void check_cuda_device();

// KSTT_CUDA_KV=q8 in the environment keeps keys and values in 8 bits (docs/cuda.md has what is known of its effect).
network_device cuda_device();

}  // namespace kstt
