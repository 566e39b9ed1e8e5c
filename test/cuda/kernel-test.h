// The frame of a test of kernels: opens the device, and under the emulation runs the tests with both orders of threads.
#pragma once

#include "check.h"
#include "cuda/device-api.h"

#ifdef KSTT_CUDA_EMULATION
#    include "emulation/launch.h"
#endif

#include <cmath>
#include <vector>

inline int run_kernel_tests(std::initializer_list<void (*)()> tests) {
    try {
        const kstt::gpu::device_properties device = kstt::gpu::open_device();
        std::printf("device: %s\n", device.name.c_str());
    } catch (const kstt::error & e) {
        std::fprintf(stderr, "no device: %s\n", e.what());
        return 1;
    }
#ifdef KSTT_CUDA_EMULATION
    for (void (*test)() : tests) {
        try {
            kstt::gpu::emulation::set_backwards(true);
            test();
        } catch (const std::exception & e) {
            check_result(false, __FILE__, __LINE__, std::string("backwards: ") + e.what());
        }
    }
    kstt::gpu::emulation::set_backwards(false);
#endif
    return check_run(tests);
}

// Largest difference, relative to the largest expected value.
inline double relative_error(const std::vector<float> & found, const std::vector<double> & expected) {
    double largest = 0.0;
    double error   = found.size() == expected.size() ? 0.0 : 1.0;
    for (size_t i = 0; i < expected.size() && i < found.size(); i++) {
        largest = std::max(largest, std::fabs(expected[i]));
        error   = std::max(error, std::fabs(static_cast<double>(found[i]) - expected[i]));
        if (std::isnan(found[i])) {
            return 1.0;
        }
    }
    return error / std::max(largest, 1e-30);
}
