// What sentencepiece does to a text before it is cut into pieces (normalizer.cc): characters replaced by the map of the
// model, spaces made U+2581, extra ones dropped, one put in front.
#pragma once

#include "text/charsmap.h"
#include "text/piece-trie.h"
#include "text/sentencepiece-model.h"

#include <optional>
#include <string>
#include <string_view>

namespace kstt {

class piece_normalizer {
  public:
    // `where` names the spec in errors (of its character map: MODEL_FORMAT).
    piece_normalizer(const normalizer_spec & spec, bool whitespace_as_suffix, const std::string & where);

    // Any bytes; what is not UTF-8 becomes U+FFFD, byte by byte. `kept`: texts that stay as they are, may be empty.
    std::string normalize(std::string_view text, const piece_trie & kept) const;

  private:
    struct step {
        size_t           consumed;
        std::string_view text;
    };
    step next(std::string_view text, const piece_trie & kept) const;

    normalizer_spec         spec_;
    bool                    whitespace_as_suffix_;
    std::optional<charsmap> map_;
};

}  // namespace kstt
