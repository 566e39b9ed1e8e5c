// JS object around kstt_forward.
#pragma once

#include "napi-setup.h"
#include "native-handle.h"

#include <kstt.h>

#include <memory>

namespace kstt_node {

// createForward(inputs, cache | undefined): Promise<forward>. inputs as ForwardInputs of ts/contract/forward.ts; all
// arrays are copied before this returns.
Napi::Value create_forward_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine);

class forward_object final : public Napi::ObjectWrap<forward_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit forward_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);  // (maxPositions) => Promise<progress>
    Napi::Value read(const Napi::CallbackInfo & info);     // (KSTT_FORWARD_*, index) => Promise<Float32Array>
    Napi::Value loss(const Napi::CallbackInfo & info);     // () => Promise<number>
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<guarded_handle<kstt_forward>> forward_;  // null once disposed
};

}  // namespace kstt_node
