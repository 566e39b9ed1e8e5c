// JS object around kstt_session. Its methods may overlap only in what kstt.h allows; one mutex per session sees to it,
// because the text of a polled event lives until the next call on the session.
#pragma once

#include "napi-setup.h"
#include "native-handle.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createSession(SessionParams): Promise<session>
// sample_rate: the model's, in Hz
Napi::Value create_session_object(const Napi::CallbackInfo &   info,
                                  std::shared_ptr<kstt_engine> engine,
                                  int32_t                      sample_rate);

// restoreSession(Uint8Array): Promise<session>
Napi::Value restore_session_object(const Napi::CallbackInfo &   info,
                                   std::shared_ptr<kstt_engine> engine,
                                   int32_t                      sample_rate);

class session_object final : public Napi::ObjectWrap<session_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit session_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value push_pcm(const Napi::CallbackInfo & info);  // (pcm, rate) => ready, or a promise of it
    Napi::Value flush(const Napi::CallbackInfo & info);     // () => Promise<void>
    Napi::Value snapshot(const Napi::CallbackInfo & info);  // () => Promise<Uint8Array>
    Napi::Value end(const Napi::CallbackInfo & info);       // () => Promise<void>
    Napi::Value reset(const Napi::CallbackInfo & info);     // () => Promise<void>
    Napi::Value ready(const Napi::CallbackInfo & info);     // whole frames waiting
    Napi::Value poll(const Napi::CallbackInfo & info);      // () => events, oldest first
    Napi::Value dispose(const Napi::CallbackInfo & info);   // () => Promise<void>

    std::shared_ptr<guarded_handle<kstt_session>> session_;  // null once disposed
    int32_t                                       sample_rate_ = 0;
};

}  // namespace kstt_node
