// SentencePiece's precompiled_charsmap: which texts become which when a text is normalised (e.g. NFKC).
// Format (normalizer.cc of sentencepiece): u32 size of the trie in bytes; the trie, a Darts-clone double array of u32
// units; then the replacements, each ended by a NUL. All little endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kstt {

class charsmap {
  public:
    // Checks every unit of the trie, so that no lookup can leave it, and that every replacement is UTF-8. Throws
    // MODEL_FORMAT; `where` begins the message.
    charsmap(std::string_view bytes, const std::string & where);

    struct match {
        size_t           length;  // bytes of the text that are replaced, at least 1
        std::string_view replacement;
    };
    // The longest beginning of `text` with a rule, as sentencepiece takes it.
    std::optional<match> longest(std::string_view text) const;
    // The shortest one, as the tokenizers package takes it.
    std::optional<match> shortest(std::string_view text) const;

  private:
    void             check_units(const std::string & where) const;
    std::string_view replacement(uint32_t value) const;

    // Calls found(length, value) for every beginning of the text that has a rule, shortest first, until it returns
    // false.
    template <typename F>
    void each_prefix(std::string_view text, F && found) const;

    std::vector<uint32_t> units_;
    std::string           replacements_;
};

}  // namespace kstt
