#include "text/utf8.h"

#include <cstdint>
#include <utility>

namespace kstt {
// Table 3-7 of the Unicode standard: the second byte's range depends on the first, later ones are 80..BF.
utf8_sequence utf8_next(std::string_view bytes) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };

    const uint8_t first = byte(0);
    if (first < 0x80) {
        return { 1, true, false };
    }
    size_t  length = 0;
    uint8_t low    = 0x80;
    uint8_t high   = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low    = first == 0xE0 ? 0xA0 : low;   // shorter forms exist
        high   = first == 0xED ? 0x9F : high;  // surrogates
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low    = first == 0xF0 ? 0x90 : low;
        high   = first == 0xF4 ? 0x8F : high;  // beyond U+10FFFF
    } else {
        return { 1, false, true };
    }
    for (size_t i = 1; i < length; ++i) {
        if (i == bytes.size()) {
            return { i, false, false };
        }
        if (byte(i) < low || byte(i) > high) {
            return { i, false, true };
        }
        low  = 0x80;
        high = 0xBF;
    }
    return { length, true, false };
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const utf8_sequence next = utf8_next(bytes);
        if (!next.complete) {
            return false;
        }
        bytes.remove_prefix(next.size);
    }
    return true;
}

std::string utf8_repair(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const utf8_sequence next = utf8_next(bytes);
        if (next.complete) {
            text.append(bytes.substr(0, next.size));
        } else {
            text.append(utf8_replacement);
        }
        bytes.remove_prefix(next.size);
    }
    return text;
}

size_t utf8_incomplete_tail(std::string_view bytes) {
    while (!bytes.empty()) {
        const utf8_sequence next = utf8_next(bytes);
        if (!next.complete && !next.invalid) {
            return bytes.size();
        }
        bytes.remove_prefix(next.size);
    }
    return 0;
}

std::string utf8_stream::push(std::string_view bytes) {
    std::string joined = std::exchange(tail_, {});
    joined.append(bytes);
    tail_ = joined.substr(joined.size() - utf8_incomplete_tail(joined));
    joined.resize(joined.size() - tail_.size());
    return utf8_repair(joined);
}

std::string utf8_stream::flush() {
    return utf8_repair(std::exchange(tail_, {}));
}

}  // namespace kstt
