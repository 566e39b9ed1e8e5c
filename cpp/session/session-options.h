// How one session is to behave; part of its snapshot.
#pragma once

#include "session/refresh-keeper.h"
#include "session/token-constraint.h"
#include "session/turn-detector.h"

#include <cstdint>
#include <vector>

namespace kstt {

enum class session_priority : int32_t { live = 0, file = 1 };

struct session_options {
    double           prefix_seconds    = -1.0;  // < 0: the model's
    double           tail_seconds      = -1.0;  // < 0: delay + 1 s
    bool             emit_tokens       = false;
    bool             emit_vad          = false;
    bool             partials          = false;
    session_priority priority          = session_priority::live;
    bool             moshi_server      = false;  // word messages of the Rust server instead of words
    int32_t          moshi_delay_steps = -1;     // < 0: the delay in whole steps

    turn_options       turn;
    refresh_options    refresh;
    constraint_options constraint;
    std::vector<float> prompt_pcm;  // at the model's rate; what is said in it is not published

    template <typename Archive>
    void archive(Archive & a) {
        a(prefix_seconds, tail_seconds, emit_tokens, emit_vad, partials, priority, moshi_server, moshi_delay_steps);
        a(turn, refresh, constraint.banned, constraint.allowed, constraint.prompt, prompt_pcm);
    }
};

}  // namespace kstt
