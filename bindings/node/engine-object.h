// JS object around kstt_engine. Compute calls that overlap reject with ERR_BUSY; the C header decides that.
#pragma once

#include "external-bytes.h"
#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

class engine_object final : public Napi::ObjectWrap<engine_object> {
  public:
    static Napi::Function define(Napi::Env env);

    // createEngine(path: string, options: { threads, slots, codebooks?, transformersCompat? }): Promise<engine>
    static Napi::Value create(const Napi::CallbackInfo & info);

    explicit engine_object(const Napi::CallbackInfo & info);
    void Finalize(Napi::BasicEnv env) override;

  private:
    Napi::Value prefault(const Napi::CallbackInfo & info);           // (maxBytes) => Promise<progress>
    Napi::Value stats(const Napi::CallbackInfo & info);              // () => stats
    void        reset_stats(const Napi::CallbackInfo & info);        // () => void
    Napi::Value create_generation(const Napi::CallbackInfo & info);  // (input, rows, samples, params) => Promise
    Napi::Value create_encoding(const Napi::CallbackInfo & info);    // (input, rows, samples, stream?) => Promise
    Napi::Value create_decoding(
        const Napi::CallbackInfo & info);  // (codes, rows, quantizers, frames, stream?) => Promise
    Napi::Value create_codec_stream(const Napi::CallbackInfo & info);  // (half, rows) => Promise
    Napi::Value create_cache(const Napi::CallbackInfo & info);         // (rows, window) => Promise
    Napi::Value create_forward(const Napi::CallbackInfo & info);       // (inputs, cache?) => Promise
    Napi::Value create_session(const Napi::CallbackInfo & info);       // (params) => Promise
    Napi::Value restore_session(const Napi::CallbackInfo & info);
    Napi::Value step(const Napi::CallbackInfo & info);     // (maxSteps) => Promise<frames>
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<kstt_engine> engine_;            // null once disposed
    int32_t                      sample_rate_  = 0;  // Hz
    int32_t                      n_quantizers_ = 0;
    external_bytes               bytes_;
};

}  // namespace kstt_node
