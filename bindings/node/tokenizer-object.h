// JS object around kstt_tokenizer. Nothing about it changes, so its calls may overlap; they are quick and run in place.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <memory>

namespace kstt_node {

class tokenizer_object final : public Napi::ObjectWrap<tokenizer_object> {
  public:
    // createTokenizer(path) or createTokenizer({ kind: number, bytes: Uint8Array, name }): Promise<tokenizer>
    // kind: KSTT_TOKENIZER_*; the bytes are copied
    static Napi::Value    create(const Napi::CallbackInfo & info);
    static Napi::Function define(Napi::Env env);

    explicit tokenizer_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value encode(const Napi::CallbackInfo & info);      // (text) => Int32Array
    Napi::Value decode(const Napi::CallbackInfo & info);      // (ids: Int32Array, skipSpecial) => string
    Napi::Value piece(const Napi::CallbackInfo & info);       // (id) => string | undefined
    Napi::Value is_special(const Napi::CallbackInfo & info);  // (id) => boolean
    Napi::Value file(const Napi::CallbackInfo & info);        // () => { name, bytes: Uint8Array }, a copy
    Napi::Value to_json(const Napi::CallbackInfo & info);     // () => string
    Napi::Value dispose(const Napi::CallbackInfo & info);     // () => Promise<void>
    Napi::Value kind(const Napi::CallbackInfo & info);
    Napi::Value size(const Napi::CallbackInfo & info);

    std::shared_ptr<kstt_tokenizer> tokenizer_;  // null once disposed
};

}  // namespace kstt_node
