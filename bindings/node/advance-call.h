// One more piece of a work that advances (a generation, an encoding ...), off the event loop.
#pragma once

#include "async-call.h"
#include "conversions.h"
#include "native-handle.h"

#include <kstt.h>

#include <cstdint>
#include <memory>
#include <mutex>

namespace kstt_node {

// Advance: kstt_*_advance(handle, amount, &progress, error). Resolves to its progress.
template <auto Advance, typename Handle, typename Amount>
Napi::Promise advance_async(Napi::Env env, const char * name, std::shared_ptr<Handle> handle, Amount amount) {
    return call_async<kstt_progress>(
        env,
        name,
        [handle = std::move(handle), amount](kstt_progress & progress, kstt_error * error) {
            return Advance(handle.get(), amount, &progress, error);
        },
        from_progress);
}

template <auto Advance, typename Handle, typename Amount>
Napi::Promise advance_async(Napi::Env                               env,
                            const char *                            name,
                            std::shared_ptr<guarded_handle<Handle>> guarded,
                            Amount                                  amount) {
    return call_async<kstt_progress>(
        env,
        name,
        [guarded = std::move(guarded), amount](kstt_progress & progress, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(guarded->mutex);
            return Advance(guarded->handle.get(), amount, &progress, error);
        },
        from_progress);
}

}  // namespace kstt_node
