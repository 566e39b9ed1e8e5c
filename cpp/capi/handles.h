// What stands behind the opaque handles. Children hold their engine weakly: freeing it never waits for them, and their
// calls afterwards say so.
#pragma once

#include "capi/guard.h"
#include "session/engine.h"

#include <memory>
#include <vector>

struct kstt_engine {
    std::shared_ptr<kstt::engine> object;
};

struct kstt_generation {
    std::weak_ptr<kstt::engine>       engine;
    std::unique_ptr<kstt::generation> object;
};

struct kstt_encoding {
    std::weak_ptr<kstt::engine>     engine;
    std::unique_ptr<kstt::encoding> object;
};

struct kstt_codec_stream {
    std::weak_ptr<kstt::engine>         engine;
    std::shared_ptr<kstt::codec_stream> object;
};

struct kstt_decoding {
    std::weak_ptr<kstt::engine>     engine;
    std::unique_ptr<kstt::decoding> object;
};

struct kstt_cache {
    std::weak_ptr<kstt::engine>          engine;
    std::shared_ptr<kstt::decoder_cache> object;
};

struct kstt_forward {
    std::weak_ptr<kstt::engine>         engine;
    std::unique_ptr<kstt::forward_pass> object;
};

struct kstt_session {
    std::weak_ptr<kstt::engine>    engine;
    std::shared_ptr<kstt::session> object;
    kstt::session_event            event;     // the one last polled; owns its text
    std::vector<uint8_t>           snapshot;  // the one last taken
};

namespace kstt {

inline source_options source_options_of(const kstt_engine_params & params) {
    require(params.n_codebooks >= 0, "n_codebooks must be 0 (all) or a number of streams");
    require(params.transformers_compat == 0 || params.transformers_compat == 1, "transformers_compat must be 0 or 1");
    source_options options;
    options.n_codebooks         = params.n_codebooks;
    options.transformers_compat = params.transformers_compat == 1;
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

}  // namespace kstt
