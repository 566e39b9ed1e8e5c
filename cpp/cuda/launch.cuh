// Starts a kernel, or adds it to a recording.
#pragma once

#include "cuda/platform.cuh"

#ifdef KSTT_CUDA_EMULATION
#    include "emulation/launch.h"
#else
#    include <algorithm>
#    include <utility>

namespace kstt::gpu {

// Throws INTERNAL with the device's message.
void check_call(int code, const char * what);

// Beyond this much shared memory a kernel has to be told beforehand.
constexpr size_t default_shared_bytes = 48 << 10;

// What a block may ask for on every device that there is code for. What a kernel was told holds for all threads of the
// process: told each launch's own need, a launch of one engine could forbid that of another which has just been told.
constexpr size_t common_shared_bytes = 99 << 10;

template <typename... Parameters, typename... Arguments>
void launch(stream & on, const launch_shape & shape, void (*kernel)(Parameters...), Arguments... arguments) {
    if (shape.shared_bytes > default_shared_bytes) {
        check_call(cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                        cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(std::max(shape.shared_bytes, common_shared_bytes))),
                   "shared memory");
    }
    cudaLaunchAttribute attribute = {};
    attribute.id                  = cudaLaunchAttributeCooperative;
    attribute.val.cooperative     = 1;
    cudaLaunchConfig_t config     = {};
    config.gridDim                = dim3(shape.grid_x, shape.grid_y, shape.grid_z);
    config.blockDim               = dim3(shape.n_threads);
    config.dynamicSmemBytes       = shape.shared_bytes;
    config.stream                 = static_cast<cudaStream_t>(on.handle());
    config.attrs                  = &attribute;
    config.numAttrs               = shape.cooperative ? 1 : 0;
    check_call(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "launch");
}

}  // namespace kstt::gpu
#endif
