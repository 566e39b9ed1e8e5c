// The tokenizer of a SentencePiece model file.
#pragma once

#include "text/piece-normalizer.h"
#include "text/score-bpe.h"
#include "text/sentencepiece-model.h"
#include "text/tokenizer.h"

#include <optional>

namespace kstt {

class sentencepiece_tokenizer final : public tokenizer {
  public:
    explicit sentencepiece_tokenizer(sentencepiece_model model);

    std::vector<int32_t> encode(std::string_view text) const override;
    std::string          decode(const int32_t * ids, size_t n, bool skip_special) const override;
    int32_t              size() const override { return static_cast<int32_t>(model_.pieces.size()); }
    const std::string &  piece(int32_t id) const override;
    bool                 is_special(int32_t id) const override;

  private:
    std::vector<text_segment> unigram(std::string_view text) const;

    sentencepiece_model             model_;
    piece_normalizer                normalizer_;
    std::optional<piece_normalizer> denormalizer_;
    piece_trie                      kept_;    // user-defined pieces, which no rule cuts or changes
    piece_trie                      pieces_;  // of a Unigram model: what text can become
    std::optional<score_bpe>        bpe_;
    float                           unknown_score_ = 0.0F;
};

}  // namespace kstt
