// Segmentation by a SentencePiece BPE model (bpe_model.cc): of all neighbours that together are a piece, the two whose
// piece has the highest score are joined, the leftmost first among equals, until none is left.
#pragma once

#include "text/piece-trie.h"
#include "text/sentencepiece-model.h"
#include "text/text-segment.h"

#include <string_view>
#include <unordered_map>
#include <vector>

namespace kstt {

class score_bpe {
  public:
    // The model is borrowed and must outlive this object.
    explicit score_bpe(const sentencepiece_model & model);

    // Segments of unknown text have the model's unk_id. `kept`: texts that are never cut or joined.
    std::vector<text_segment> segments(std::string_view text, const piece_trie & kept) const;

  private:
    const sentencepiece_model &                   model_;
    std::unordered_map<std::string_view, int32_t> ids_;  // of the pieces that text can become
};

}  // namespace kstt
