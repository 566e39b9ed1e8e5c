// JS object around kstt_codec_stream.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <memory>

namespace kstt_node {

// createCodecStream(half: "encoder" | "decoder", rows): Promise<stream>.
Napi::Value create_codec_stream_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine);

// The stream behind a JS value, nullptr for undefined. Throws ERR_INVALID_ARGUMENT for anything else, ERR_DISPOSED.
std::shared_ptr<kstt_codec_stream> to_codec_stream(const Napi::CallbackInfo & info, size_t index);

class codec_stream_object final : public Napi::ObjectWrap<codec_stream_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit codec_stream_object(const Napi::CallbackInfo & info);

    const std::shared_ptr<kstt_codec_stream> & stream() const { return stream_; }

  private:
    Napi::Value columns(const Napi::CallbackInfo & info);  // () => number
    void        restart(const Napi::CallbackInfo & info);  // (caches) => void, caches as in kstt-codec.h
    Napi::Value dispose(const Napi::CallbackInfo & info);  // () => Promise<void>

    std::shared_ptr<kstt_codec_stream> stream_;  // null once disposed
};

}  // namespace kstt_node
