// JS object around kstt_generation.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createGeneration(inputValues: Float32Array [rows][samples], rows, samples, { maxNewTokens, audioWindowSize }):
// Promise<generation>. The input is copied before this returns.
Napi::Value create_generation_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine);

class generation_object final : public Napi::ObjectWrap<generation_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit generation_object(const Napi::CallbackInfo & info);
    void Finalize(Napi::BasicEnv env) override;

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);  // (maxFrames) => Promise<progress>
    Napi::Value tokens(const Napi::CallbackInfo & info);   // () => Int32Array[], one per row, BOS first
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<kstt_generation> generation_;  // null once disposed
    int32_t                          n_rows_         = 0;
    int64_t                          reported_bytes_ = 0;  // what the garbage collector was told
};

}  // namespace kstt_node
