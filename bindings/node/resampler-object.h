// JS object around kstt_resampler.
#pragma once

#include "napi-setup.h"
#include "native-handle.h"

#include <kstt.h>

#include <memory>

namespace kstt_node {

class resampler_object final : public Napi::ObjectWrap<resampler_object> {
  public:
    static Napi::Function define(Napi::Env env);

    // createResampler(rateIn: number, rateOut: number): Promise<resampler>; rates in Hz
    static Napi::Value create(const Napi::CallbackInfo & info);

    explicit resampler_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value push(const Napi::CallbackInfo & info);     // (pcm) => Promise<Float32Array>; the input is copied
    Napi::Value flush(const Napi::CallbackInfo & info);    // () => Promise<Float32Array>
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<guarded_handle<kstt_resampler>> resampler_;  // null once disposed
};

}  // namespace kstt_node
