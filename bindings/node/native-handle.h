// Shared ownership of the objects of kstt.h. Whoever uses one (a JS object, a call in flight) holds a pointer, and each
// child holds its engine, so the garbage collector may drop the JS objects in any order.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace kstt_node {

// Takes over `handle`: Free gets it when the last pointer goes, and only then may `parent` go.
template <auto Free, typename Handle>
std::shared_ptr<Handle> own_handle(Handle * handle, std::shared_ptr<void> parent = nullptr) {
    return std::shared_ptr<Handle>(handle, [parent = std::move(parent)](Handle * last) mutable {
        Free(last);
        parent.reset();
    });
}

// A handle whose calls must not overlap; held by pointer, because a mutex does not move. `long_mutex`: among calls that
// wait for a step and may run beside the others.
template <typename Handle>
struct guarded_handle {
    explicit guarded_handle(std::shared_ptr<Handle> owned) : handle(std::move(owned)) {}

    std::shared_ptr<Handle> handle;
    std::mutex              mutex;
    std::mutex              long_mutex;
};

}  // namespace kstt_node
