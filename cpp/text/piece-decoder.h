// Token ids to the bytes of their pieces, by the rules of spec 10.3, for streams: a SentencePiece model or a
// tokenizer.json (Unigram or BPE). Whole texts, and encoding, are the tokenizer's (text/tokenizer.h).
#pragma once

#include "io/tokenizer-file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class piece_decoder {
  public:
    // Throws MODEL_FORMAT, MODEL_UNSUPPORTED.
    static piece_decoder read(const tokenizer_file & file);

    // Bytes of one token: U+2581 becomes a space, <0xNN> a byte, special ids and ids outside the vocabulary nothing.
    const std::string & piece(int32_t token) const;

    // True if the piece starts with U+2581, i.e. opens a word.
    bool starts_word(int32_t token) const;

    bool    is_special(int32_t token) const;
    int32_t size() const { return static_cast<int32_t>(pieces_.size()); }

    // UTF-8 text of the tokens, specials skipped, one leading space stripped, invalid bytes replaced by U+FFFD.
    std::string decode(const int32_t * tokens, size_t n) const;

  private:
    struct entry {
        std::string bytes;
        bool        special     = false;
        bool        starts_word = false;
    };
    std::vector<entry> pieces_;
};

}  // namespace kstt
