#include "text/piece-trie.h"

#include "runtime/error.h"

#include <algorithm>

namespace kstt {

piece_trie::piece_trie(std::vector<std::pair<std::string_view, int32_t>> entries) {
    std::stable_sort(entries.begin(), entries.end(), [](const auto & a, const auto & b) { return a.first < b.first; });

    // Nodes in order of depth; each stands for the entries [begin, end) that share its `depth` first bytes.
    struct range {
        size_t begin;
        size_t end;
        size_t depth;
    };
    std::vector<range> ranges = { { 0, entries.size(), 0 } };
    nodes_.resize(1);
    for (size_t i = 0; i < ranges.size(); ++i) {
        const range here  = ranges[i];
        size_t      entry = here.begin;
        for (; entry < here.end && entries[entry].first.size() == here.depth; ++entry) {
            nodes_[i].number = entries[entry].second;
        }
        KSTT_CHECK(i > 0 || entry == here.begin);
        nodes_[i].first_child = static_cast<uint32_t>(nodes_.size());
        while (entry < here.end) {
            const char byte  = entries[entry].first[here.depth];
            size_t     after = entry;
            while (after < here.end && entries[after].first[here.depth] == byte) {
                ++after;
            }
            node child;
            child.byte = static_cast<uint8_t>(byte);
            nodes_.push_back(child);
            ranges.push_back({ entry, after, here.depth + 1 });
            ++nodes_[i].n_children;
            entry = after;
        }
        // std::string_view compares bytes as unsigned, so the children are ordered already.
    }
}

const piece_trie::node * piece_trie::find_child(size_t parent, uint8_t byte) const {
    if (nodes_.empty()) {
        return nullptr;
    }
    const node * begin = nodes_.data() + nodes_[parent].first_child;
    const node * end   = begin + nodes_[parent].n_children;
    const node * found = std::lower_bound(begin, end, byte, [](const node & n, uint8_t b) { return n.byte < b; });
    return found != end && found->byte == byte ? found : nullptr;
}

}  // namespace kstt
