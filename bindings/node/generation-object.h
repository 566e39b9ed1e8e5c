// JS object around kstt_generation.
#pragma once

#include "external-bytes.h"
#include "napi-setup.h"
#include "native-handle.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createGeneration(inputValues: Float32Array [rows][samples], rows, samples, { maxNewTokens, audioWindowSize, rules?
// }): Promise<generation>. All inputs are copied before this returns.
Napi::Value create_generation_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine);

class generation_object final : public Napi::ObjectWrap<generation_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit generation_object(const Napi::CallbackInfo & info);
    void Finalize(Napi::BasicEnv env) override;

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);      // (maxFrames) => Promise<progress>
    Napi::Value tokens(const Napi::CallbackInfo & info);       // () => Int32Array[], one per row, BOS first
    Napi::Value waiting(const Napi::CallbackInfo & info);      // () => boolean
    Napi::Value read(const Napi::CallbackInfo & info);         // (KSTT_STEP_*, index) => Promise<Float32Array>
    Napi::Value set_scores(const Napi::CallbackInfo & info);   // (Float32Array) => Promise<void>
    Napi::Value choose(const Napi::CallbackInfo & info);       // () => Promise<Int32Array>, one per row
    Napi::Value finish_rows(const Napi::CallbackInfo & info);  // (Uint8Array) => Promise<void>
    Napi::Value cache(const Napi::CallbackInfo & info);        // () => Promise<cache>
    Napi::Value dispose(const Napi::CallbackInfo & info);      // () => Promise<void>

    std::shared_ptr<guarded_handle<kstt_generation>> generation_;  // null once disposed
    std::shared_ptr<kstt_engine>                     engine_;
    external_bytes                                   bytes_;
};

}  // namespace kstt_node
