// What a session tells its owner, oldest first.
#pragma once

#include "include/kstt.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct session_event {
    int32_t            type       = 0;  // KSTT_EVENT_*
    int32_t            token      = 0;
    int64_t            step       = 0;
    double             start      = 0.0;
    double             end        = 0.0;
    float              confidence = 0.0F;
    int32_t            detail     = 0;  // KSTT_REFRESH_*, KSTT_SOURCE_* or KSTT_WARNING_*
    int64_t            buffered   = 0;
    std::string        text;
    std::vector<float> probabilities;

    template <typename Archive>
    void archive(Archive & a) {
        a(type, token, step, start, end, confidence, detail, buffered, text, probabilities);
    }
};

using event_list = std::vector<session_event>;

}  // namespace kstt
