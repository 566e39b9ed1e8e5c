// Rules of a generation as JS gives them, in memory of their own.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <cstdint>
#include <vector>

namespace kstt_node {

class generation_rules {
  public:
    // rules as GenerationRules of ts/contract/generation.ts; undefined: none.
    explicit generation_rules(const Napi::Value & rules);

    // Points into this object; valid as long as it is neither changed nor moved.
    kstt_generation_rules view() const;

  private:
    struct sequence {
        std::vector<int32_t> ids;
        float                bias;
    };

    static std::vector<sequence> to_sequences(const Napi::Value & value, const char * name, bool with_bias);

    kstt_generation_rules              rules_;
    std::vector<sequence>              biases_;
    std::vector<sequence>              bad_words_;
    std::vector<int32_t>               eos_;
    std::vector<int32_t>               forced_eos_;
    std::vector<int32_t>               suppress_;
    std::vector<int32_t>               begin_suppress_;
    mutable std::vector<kstt_sequence> bias_views_;
    mutable std::vector<kstt_sequence> bad_word_views_;
};

}  // namespace kstt_node
