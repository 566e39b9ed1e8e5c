// Extended grapheme clusters (Unicode standard annex 29): what a reader takes for one character.
#pragma once

#include <cstddef>
#include <string_view>

namespace kstt {

// Bytes of the first cluster of `text`, which is UTF-8 and not empty. Made for clusters of at most five bytes: rules
// that only make longer ones (Hangul syllables, flags, emoji sequences, Indic conjuncts) are left out, and those come
// in parts.
size_t short_grapheme_size(std::string_view text);

}  // namespace kstt
