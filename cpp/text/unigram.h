// The best segmentation of a text by a Unigram model: the one whose pieces have the highest sum of scores.
#pragma once

#include "text/piece-trie.h"
#include "text/text-segment.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace kstt {

// Unknown text costs this much more than the worst piece (kUnkPenalty of sentencepiece and tokenizers).
constexpr float unknown_penalty = 10.0F;

// Real     float as sentencepiece, double as the tokenizers package: sums must round as theirs, or ties fall otherwise
// score    Real(int32_t id, size_t length): of a piece that covers `length` bytes
// Of two ways with the same sum the first found wins: the one that began earlier. Characters without a piece of their
// own become segments with `unknown_id`.
template <typename Real, typename Score>
std::vector<text_segment> unigram_segments(
    const piece_trie & trie, std::string_view text, const Score & score, Real unknown_score, int32_t unknown_id) {
    struct node {
        Real    sum   = 0;   // of the best way that ends here
        int64_t start = -1;  // where its last piece begins; -1: no way yet
        int32_t id    = 0;
    };
    std::vector<node> ends(text.size() + 1);
    size_t            frontier = 0;  // the last end that has a way
    for (size_t at = 0; at < text.size();) {
        Real sum = ends[at].sum;
        // sentencepiece moves sums back to zero before their rounding grows coarse.
        if (sizeof(Real) == sizeof(float) && (sum < Real{ -100000 } || sum > Real{ 100000 })) {
            for (size_t i = at; i <= frontier; ++i) {
                if (i == at || ends[i].start >= 0) {
                    ends[i].sum -= sum;
                }
            }
            sum = 0;
        }
        const auto offer = [&](size_t length, int32_t id, Real cost) {
            node &     end       = ends[at + length];
            const Real candidate = cost + sum;
            frontier             = std::max(frontier, at + length);
            if (end.start < 0 || candidate > end.sum) {
                end = { candidate, static_cast<int64_t>(at), id };
            }
        };
        const size_t character = first_character(text.substr(at)).size();
        bool         has_own   = false;
        trie.each_prefix(text.substr(at), [&](size_t length, int32_t id) {
            offer(length, id, score(id, length));
            has_own = has_own || length == character;
        });
        if (!has_own) {
            offer(character, unknown_id, unknown_score);
        }
        at += character;
    }
    std::vector<text_segment> segments;
    for (size_t end = text.size(); end > 0;) {
        const auto start = static_cast<size_t>(ends[end].start);
        segments.push_back({ text.substr(start, end - start), ends[end].id });
        end = start;
    }
    std::reverse(segments.begin(), segments.end());
    return segments;
}

}  // namespace kstt
