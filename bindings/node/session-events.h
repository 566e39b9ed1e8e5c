// Events of kstt_session_poll as the contract's SessionEvent.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <string>
#include <vector>

namespace kstt_node {

// An event whose text and probabilities outlive the lock.
struct owned_event {
    kstt_event         event = {};
    std::string        text;
    std::vector<float> probabilities;
};

owned_event own_event(const kstt_event & event);

Napi::Object from_event(Napi::Env env, const owned_event & owned);

}  // namespace kstt_node
