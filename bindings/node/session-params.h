// The contract's SessionParams as kstt_session_params, with the arrays it points to.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <vector>

namespace kstt_node {

struct owned_session_params {
    // Points into the arrays; taken anew after a move.
    kstt_session_params view() const;

    kstt_session_params  values = {};
    std::vector<int32_t> prompt_tokens;
    std::vector<float>   prompt_pcm;
    std::vector<int32_t> banned_tokens;
    std::vector<int32_t> allowed_tokens;
};

// Throws ERR_INVALID_ARGUMENT naming the field.
owned_session_params to_session_params(const Napi::Value & value);

}  // namespace kstt_node
