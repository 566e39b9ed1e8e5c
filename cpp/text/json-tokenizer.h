// The tokenizer of a tokenizer.json.
#pragma once

#include "text/json-decoder.h"
#include "text/json-normalizer.h"
#include "text/json-vocabulary.h"
#include "text/piece-trie.h"
#include "text/rank-bpe.h"
#include "text/tokenizer.h"

#include <optional>

namespace kstt {

class json_tokenizer final : public tokenizer {
  public:
    explicit json_tokenizer(const json_value & root);

    std::vector<int32_t> encode(std::string_view text) const override;
    std::string          decode(const int32_t * ids, size_t n, bool skip_special) const override;
    int32_t              size() const override { return static_cast<int32_t>(tokens_.size()); }
    const std::string &  piece(int32_t id) const override;
    bool                 is_special(int32_t id) const override;

  private:
    void read_unigram(const json_value & model);
    void encode_part(std::string_view text, bool at_begin, std::vector<int32_t> & ids) const;
    void encode_unigram(std::string_view text, std::vector<int32_t> & ids) const;
    void add_unknown(std::string_view run, std::vector<int32_t> & ids) const;

    std::string              name_;
    json_vocabulary          vocabulary_;
    std::vector<added_token> tokens_;  // by id
    json_normalizer          normalizer_;
    metaspace                metaspace_;
    json_decoder             decoder_;
    piece_trie               added_;  // cut out of a text before anything else happens to it
    std::optional<rank_bpe>  bpe_;
    piece_trie               pieces_;              // of a Unigram model
    int32_t                  unknown_       = -1;  // -1: none
    double                   unknown_score_ = 0.0;
    std::vector<int32_t>     byte_ids_;  // -1: no such piece; empty without byte fallback
};

}  // namespace kstt
