// JS object around kstt_decoding.
#pragma once

#include "external-bytes.h"
#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createDecoding(codes: Int32Array [rows][quantizers][frames], rows, quantizers, frames, stream?): Promise<decoding>.
// The codes are copied before this returns.
Napi::Value create_decoding_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine);

class decoding_object final : public Napi::ObjectWrap<decoding_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit decoding_object(const Napi::CallbackInfo & info);
    void Finalize(Napi::BasicEnv env) override;

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);  // (maxFrames) => Promise<progress>
    Napi::Value audio(const Napi::CallbackInfo & info);    // () => Float32Array [rows][samples]
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<kstt_decoding> decoding_;  // null once disposed
    int32_t                        n_rows_ = 0;
    external_bytes                 bytes_;
};

}  // namespace kstt_node
