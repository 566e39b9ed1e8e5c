// The BPE model of a tokenizer.json (models/bpe of tokenizers): neighbours are joined by the list of merges, the
// earliest in the list first, the leftmost first among equals.
#pragma once

#include "io/json-file.h"
#include "text/json-vocabulary.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kstt {

class rank_bpe {
  public:
    // `model`: the "model" of the file. The vocabulary is borrowed and must outlive this object. Throws MODEL_FORMAT,
    // MODEL_UNSUPPORTED (dropout, prefixes and suffixes of words).
    rank_bpe(const json_value & model, const json_vocabulary & vocabulary);

    void encode(std::string_view text, std::vector<int32_t> & ids) const;

  private:
    struct merge {
        int32_t rank;
        int32_t id;  // of both together
    };
    struct symbol {
        int32_t id;
        int64_t previous;  // -1: none
        int64_t next;      // -1: none
        bool    removed;
    };
    static uint64_t pair_key(int32_t left, int32_t right);

    void                read_merges(const json_value & list);
    int32_t             require_id(const json_value & where, const std::string & token) const;
    std::vector<symbol> symbols_of(std::string_view text) const;
    void                merge_all(std::vector<symbol> & symbols) const;

    std::unordered_map<std::string_view, int32_t> ids_;
    std::unordered_map<uint64_t, merge>           merges_;
    int32_t                                       unknown_ = -1;  // -1: none
    std::vector<int32_t>                          byte_ids_;      // -1: no such piece; empty without byte fallback
    bool                                          fuse_unknown_  = false;
    bool                                          ignore_merges_ = false;
};

}  // namespace kstt
