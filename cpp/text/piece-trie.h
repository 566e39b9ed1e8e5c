// A set of texts with a number each, made to find all of them that a text begins with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace kstt {

class piece_trie {
  public:
    piece_trie() = default;
    // Texts are not empty and not kept; of one that comes twice, the last number counts. Numbers are >= 0.
    explicit piece_trie(std::vector<std::pair<std::string_view, int32_t>> entries);

    // Calls found(length, number) for every entry that `text` begins with, shortest first.
    template <typename F>
    void each_prefix(std::string_view text, F && found) const {
        size_t at = 0;
        for (size_t i = 0; i < text.size(); ++i) {
            const node * child = find_child(at, static_cast<uint8_t>(text[i]));
            if (child == nullptr) {
                return;
            }
            at = static_cast<size_t>(child - nodes_.data());
            if (child->number >= 0) {
                found(i + 1, child->number);
            }
        }
    }

    // Bytes of the longest entry that `text` begins with; 0: none.
    size_t longest_prefix(std::string_view text) const {
        size_t longest = 0;
        each_prefix(text, [&](size_t length, int32_t) { longest = length; });
        return longest;
    }

  private:
    struct node {
        uint32_t first_child = 0;
        uint16_t n_children  = 0;  // consecutive, ordered by byte
        uint8_t  byte        = 0;
        int32_t  number      = -1;
    };
    const node * find_child(size_t parent, uint8_t byte) const;

    std::vector<node> nodes_;  // the root first; empty: no entries
};

}  // namespace kstt
