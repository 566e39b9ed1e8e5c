// Memory outside of V8's heap that a JS object keeps alive: the garbage collector is told, so that it minds.
#pragma once

#include "napi-setup.h"

#include <cstdint>
#include <utility>

namespace kstt_node {

class external_bytes {
  public:
    void add(Napi::BasicEnv env, int64_t bytes) {
        reported_ += bytes;
        Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
    }

    // At dispose(), and once more when the object is collected.
    void release(Napi::BasicEnv env) {
        Napi::MemoryManagement::AdjustExternalMemory(env, -std::exchange(reported_, 0));
    }

  private:
    int64_t reported_ = 0;
};

}  // namespace kstt_node
