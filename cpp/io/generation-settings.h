// What a checkpoint asks of generate() beyond its start and pad ids: sampling, rules on the scores, end tokens. The
// core keeps it for its caller, who passes it to a generation; sessions follow their own time line and none of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class json_value;

struct generation_settings {
    std::string              json;      // entries that are not what they are by default, as one object; empty: none
    std::vector<std::string> steering;  // names of those that would make other tokens of generate() than greedy ones
};

// `generation`: generation_config.json; nullptr: there is none, so that transformers takes the entries of `config`,
// config.json. Values are not checked: that is up to who uses them. `start_token`: suppressing it alone, as
// save_pretrained does for heads without a row for it, steers nothing: sessions never produce it.
generation_settings read_generation_settings(const json_value * generation,
                                             const json_value & config,
                                             int32_t            start_token);

}  // namespace kstt
