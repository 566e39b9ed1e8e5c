// launch() of the emulation.
#pragma once

#include "cuda/device-api.h"

#include <functional>

namespace kstt::gpu {

namespace emulation {

// Runs the kernel now, or adds it to the stream's recording.
void launch_body(stream & on, const launch_shape & shape, std::function<void()> body);

// The order in which the lanes of a warp, and the warps of a block, get their turns. Results that depend on it lack a
// barrier.
void set_backwards(bool backwards);

}  // namespace emulation

template <typename... Parameters, typename... Arguments>
void launch(stream & on, const launch_shape & shape, void (*kernel)(Parameters...), Arguments... arguments) {
    emulation::launch_body(on, shape, [=] { kernel(static_cast<Parameters>(arguments)...); });
}

}  // namespace kstt::gpu
