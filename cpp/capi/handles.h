// What stands behind the opaque handles. Children hold their engine weakly: freeing it never waits for them, and their
// calls afterwards say so.
#pragma once

#include "capi/guard.h"
#include "session/engine.h"

#include <memory>
#include <utility>
#include <vector>

namespace kstt {

// P: how the object is held.
template <typename P>
struct engine_child {
    std::weak_ptr<kstt::engine> engine;
    P                           object;
};

}  // namespace kstt

struct kstt_engine {
    std::shared_ptr<kstt::engine> object;
};

struct kstt_generation : kstt::engine_child<std::unique_ptr<kstt::generation>> {};
struct kstt_encoding : kstt::engine_child<std::unique_ptr<kstt::encoding>> {};
struct kstt_decoding : kstt::engine_child<std::unique_ptr<kstt::decoding>> {};
struct kstt_forward : kstt::engine_child<std::unique_ptr<kstt::forward_pass>> {};
struct kstt_codec_stream : kstt::engine_child<std::shared_ptr<kstt::codec_stream>> {};
struct kstt_cache : kstt::engine_child<std::shared_ptr<kstt::decoder_cache>> {};

struct kstt_session : kstt::engine_child<std::shared_ptr<kstt::session>> {
    kstt::session_event  event;     // the one last polled; owns its text
    std::vector<uint8_t> snapshot;  // the one last taken
};

namespace kstt {

inline compat_mode compat_of(int32_t value) {
    switch (value) {
    case KSTT_COMPAT_FILES:
        return compat_mode::files;
    case KSTT_COMPAT_TRANSFORMERS:
        return compat_mode::transformers;
    case KSTT_COMPAT_TRAINED:
        return compat_mode::trained;
    default:
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "compat must be one of KSTT_COMPAT_*");
    }
}

inline source_options source_options_of(const kstt_engine_params & params) {
    require(params.n_codebooks >= 0, "n_codebooks must be 0 (all) or a number of streams");
    source_options options;
    options.n_codebooks = params.n_codebooks;
    options.compat      = compat_of(params.compat);
    return options;
}

template <typename H>
std::shared_ptr<engine> engine_of(const H * handle) {
    require(handle != nullptr, "the handle is NULL");
    std::shared_ptr<engine> owner = handle->engine.lock();
    if (owner == nullptr) {
        throw error(KSTT_STATUS_INVALID_STATE, "the engine has been freed");
    }
    return owner;
}

inline std::shared_ptr<engine> engine_of(const kstt_engine * handle) {
    require(handle != nullptr, "engine must not be NULL");
    return handle->object;
}

// H: the handle's type.
template <typename H, typename P>
std::unique_ptr<H> make_child(const std::shared_ptr<engine> & owner, P object) {
    auto handle    = std::make_unique<H>();
    handle->engine = owner;
    handle->object = std::move(object);
    return handle;
}

}  // namespace kstt
