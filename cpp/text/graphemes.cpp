#include "text/graphemes.h"

#include "text/grapheme-table.h"
#include "text/utf8.h"

#include <algorithm>
#include <iterator>

namespace kstt {
namespace {

uint32_t code_point(std::string_view character) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(character[i])); };
    if (character.size() == 1) {
        return byte(0);
    }
    // The leading byte holds 5, 4 or 3 bits, each of the others 6.
    uint32_t code = byte(0) & (0x7FU >> character.size());
    for (size_t i = 1; i < character.size(); ++i) {
        code = code << 6U | (byte(i) & 0x3FU);
    }
    return code;
}

template <size_t N>
bool contains(const code_range (&ranges)[N], std::string_view character) {
    const uint32_t     code = code_point(character);
    const code_range * after =
        std::upper_bound(std::begin(ranges), std::end(ranges), code, [](uint32_t c, const code_range & range) {
            return c < range.first;
        });
    return after != std::begin(ranges) && code <= std::prev(after)->last;
}

}  // namespace

size_t short_grapheme_size(std::string_view text) {
    const auto character_at = [&](size_t at) { return text.substr(at, utf8_next(text.substr(at)).size); };
    if (text.substr(0, 2) == "\r\n") {
        return 2;
    }
    std::string_view last = character_at(0);
    size_t           size = last.size();
    while (size < text.size() && !contains(grapheme_control, last)) {
        const std::string_view next    = character_at(size);
        const bool             belongs = contains(grapheme_continue, next) ||
                             (contains(grapheme_prepend, last) && !contains(grapheme_control, next));
        if (!belongs) {
            break;
        }
        size += next.size();
        last = next;
    }
    return size;
}

}  // namespace kstt
