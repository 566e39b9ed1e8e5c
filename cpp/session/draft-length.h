// How many steps to compute at once where the codes of the next frames are there: most tokens are pads, so pads are
// taken as a draft of the tokens that will be fed back. The decoder computes all of them in one pass, which costs
// little more than one where its weights have to be read anyway; the steps up to and including the first that answers
// otherwise are those that stepping would have made, bit for bit. The rest is taken back.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kstt {

class draft_length {
  public:
    // Steps in one pass at most.
    static constexpr int64_t longest = 8;

    // Steps to compute now. A word is rarely over after one piece, so nothing is drafted after one.
    int64_t next(bool after_pad) const { return after_pad ? length_ : 1; }

    // What became of it: steps computed, and how many of them stand.
    void took(int64_t n_computed, int64_t n_kept) {
        if (n_computed > 1) {
            length_ = n_kept == n_computed ? std::min(2 * length_, longest) : std::max<int64_t>(2, length_ / 2);
        }
    }

  private:
    int64_t length_ = 4;
};

}  // namespace kstt
