// JS object around kstt_encoding.
#pragma once

#include "external-bytes.h"
#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createEncoding(inputValues: Float32Array [rows][samples], rows, samples, stream?): Promise<encoding>.
// The input is copied before this returns. With a stream: its next piece.
Napi::Value create_encoding_object(const Napi::CallbackInfo &   info,
                                   std::shared_ptr<kstt_engine> engine,
                                   int32_t                      n_quantizers);

class encoding_object final : public Napi::ObjectWrap<encoding_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit encoding_object(const Napi::CallbackInfo & info);
    void Finalize(Napi::BasicEnv env) override;

  private:
    Napi::Value advance(const Napi::CallbackInfo & info);  // (maxFrames) => Promise<progress>
    Napi::Value codes(const Napi::CallbackInfo & info);    // () => Int32Array[][], [rows][quantizers] of n_frames
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<kstt_encoding> encoding_;  // null once disposed
    int32_t                        n_rows_       = 0;
    int32_t                        n_quantizers_ = 0;
    external_bytes                 bytes_;
};

}  // namespace kstt_node
