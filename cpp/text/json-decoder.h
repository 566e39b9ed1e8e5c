// The "decoder" of a tokenizer.json: tokens to one text. Replace, ByteFallback, Fuse, Strip, Metaspace and Sequence, as
// transformers' conversions of SentencePiece models use them; anything else throws MODEL_UNSUPPORTED.
#pragma once

#include "io/json-file.h"

#include <string>
#include <variant>
#include <vector>

namespace kstt {

class json_decoder {
  public:
    // `root`: the whole file.
    explicit json_decoder(const json_value & root);

    // Without a decoder in the file the tokens come with spaces between them, as in the tokenizers package.
    std::string decode(std::vector<std::string> tokens) const;

  private:
    struct replace {
        std::string pattern;  // not empty
        std::string content;
    };
    struct byte_fallback {};
    struct fuse {};
    struct strip {
        std::string content;  // one character
        size_t      start;
        size_t      stop;
    };
    struct metaspace_marks {
        std::string mark;
        bool        drops_first;
    };
    using step = std::variant<replace, byte_fallback, fuse, strip, metaspace_marks>;

    void add(const json_value & value, int depth);

    bool              exists_ = false;
    std::vector<step> steps_;
};

}  // namespace kstt
