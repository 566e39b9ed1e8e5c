// JS object around kstt_conversion. Its calls may not overlap; one mutex sees to it.
#pragma once

#include "napi-setup.h"
#include "native-handle.h"

#include <kstt.h>

#include <memory>

namespace kstt_node {

class conversion_object final : public Napi::ObjectWrap<conversion_object> {
  public:
    // createConversion(source, target, { format, dtype?, keep: string[], small, codecDecoder, transformersCompat,
    // maxShardBytes, threads }): Promise<conversion>
    static Napi::Value    create(const Napi::CallbackInfo & info);
    static Napi::Function define(Napi::Env env);

    explicit conversion_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);  // (maxBytes) => Promise<progress>
    Napi::Value finish(const Napi::CallbackInfo & info);   // () => Promise<void>
    Napi::Value report(const Napi::CallbackInfo & info);   // () => Promise<string>, JSON
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<guarded_handle<kstt_conversion>> conversion_;  // null once disposed
};

}  // namespace kstt_node
