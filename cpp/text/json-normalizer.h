// The "normalizer" and "pre_tokenizer" of a tokenizer.json, as far as transformers' conversions of SentencePiece models
// use them: Precompiled, Replace, Prepend, Strip, Sequence; Metaspace. Anything else throws MODEL_UNSUPPORTED.
#pragma once

#include "io/json-file.h"
#include "text/charsmap.h"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kstt {

class json_normalizer {
  public:
    // `root`: the whole file.
    explicit json_normalizer(const json_value & root);

    std::string normalize(std::string text) const;  // UTF-8 to UTF-8

  private:
    struct replace {
        std::string pattern;  // not empty
        std::string content;
        bool        whole_runs;  // of the pattern, two at least
    };
    struct prepend {
        std::string text;
    };
    struct strip {
        bool left;
        bool right;
    };
    using step = std::variant<charsmap, replace, prepend, strip>;

    void add(const json_value & value, int depth);
    void add_charsmap(const json_value & value);
    void add_replace(const json_value & value);

    std::vector<step> steps_;
};

class metaspace {
  public:
    explicit metaspace(const json_value & root);

    // The stretches of a text that the model gets one by one. `at_begin`: the text starts where the whole input did.
    std::vector<std::string> split(std::string text, bool at_begin) const;

  private:
    enum class scheme { none, first, always };

    bool        exists_ = false;
    std::string mark_;
    scheme      prepend_ = scheme::always;
    bool        splits_  = true;
};

// Every `pattern`, which is not empty, in `text` replaced.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content);

}  // namespace kstt
