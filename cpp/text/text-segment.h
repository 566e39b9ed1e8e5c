// A stretch of normalised text and the id it got.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kstt {

struct text_segment {
    std::string_view text;
    int32_t          id;  // of a piece, or what the caller gave for unknown text
};

constexpr std::string_view first_character(std::string_view text) {
    // By the leading byte alone, as sentencepiece does; the text is UTF-8 already.
    const auto   lead   = static_cast<uint8_t>(text.front());
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return text.substr(0, length);
}

}  // namespace kstt
