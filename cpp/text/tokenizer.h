// Text to token ids and back, exactly as the library that a vocabulary belongs to does it: sentencepiece for its model
// files, the tokenizers package (as transformers uses it) for tokenizer.json.
#pragma once

#include "io/tokenizer-file.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kstt {

class tokenizer {
  public:
    // Throws MODEL_FORMAT, and MODEL_UNSUPPORTED naming the part of the file that is not of the kind transformers'
    // conversions of SentencePiece models have.
    static std::unique_ptr<tokenizer> read(const tokenizer_file & file);

    tokenizer()                              = default;
    tokenizer(const tokenizer &)             = delete;
    tokenizer & operator=(const tokenizer &) = delete;
    virtual ~tokenizer()                     = default;

    // Ids of a text; no begin or end token is added. Bytes that are not UTF-8 count as U+FFFD.
    virtual std::vector<int32_t> encode(std::string_view text) const = 0;

    // Text of ids, always UTF-8. Ids outside the vocabulary are left out. Special tokens (unknown, control; those
    // marked special in tokenizer.json) are left out if asked; else they are what the library makes of them:
    // sentencepiece drops control tokens and writes its mark for <unk>, the tokenizers package writes their names.
    virtual std::string decode(const int32_t * ids, size_t n, bool skip_special) const = 0;

    // The vocabulary as the file has it. The piece of an id outside, or in a gap, is empty.
    virtual int32_t             size() const                 = 0;
    virtual const std::string & piece(int32_t id) const      = 0;
    virtual bool                is_special(int32_t id) const = 0;
};

}  // namespace kstt
