// The vocabulary of a tokenizer.json (the tokenizers package): pieces of its Unigram or BPE model, and added tokens.
#pragma once

#include "io/json-file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct added_token {
    int32_t     id = 0;
    std::string content;
    bool        special = false;
};

struct json_vocabulary {
    bool                     is_unigram = false;  // else BPE
    std::vector<std::string> pieces;              // by id; an id without a piece has an empty one
    std::vector<double>      scores;              // of a Unigram model, by id
    std::vector<added_token> added;               // in the order of the file

    // By id, added tokens in the place of pieces with their ids.
    std::vector<added_token> tokens() const;
};

// `root`: the whole file. Throws MODEL_FORMAT, MODEL_UNSUPPORTED (another kind of model, byte-level vocabularies).
json_vocabulary read_json_vocabulary(const json_value & root);

// MODEL_UNSUPPORTED: "<file>: <key> is <found>; only <supported> can be read".
[[noreturn]] void fail_unsupported(const json_value & value, const std::string & supported);

}  // namespace kstt
