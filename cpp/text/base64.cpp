#include "text/base64.h"

#include <algorithm>
#include <cstdint>

namespace kstt {
namespace {

// The six bits of a letter; 64: none of the alphabet.
uint32_t bits_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return static_cast<uint32_t>(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return static_cast<uint32_t>(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return static_cast<uint32_t>(c - '0' + 52);
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (size_t at = 0; at < text.size(); at += 4) {
        const bool   is_last  = at + 4 == text.size();
        const size_t n_padded = !is_last || text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        uint32_t     group    = 0;
        for (size_t i = 0; i < 4; ++i) {
            const uint32_t bits = i < 4 - n_padded ? bits_of(text[at + i]) : 0;
            if (bits > 63) {
                return std::nullopt;
            }
            group = group << 6U | bits;
        }
        for (size_t i = 0; i < 3 - n_padded; ++i) {
            bytes.push_back(static_cast<char>(group >> (16U - 8U * i)));
        }
    }
    return bytes;
}

std::string encode_base64(std::string_view bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string       text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t at = 0; at < bytes.size(); at += 3) {
        const size_t n     = std::min<size_t>(3, bytes.size() - at);
        uint32_t     group = 0;
        for (size_t i = 0; i < 3; ++i) {
            group = group << 8U | (i < n ? static_cast<uint8_t>(bytes[at + i]) : 0U);
        }
        for (size_t i = 0; i < 4; ++i) {
            text.push_back(i <= n ? letters[group >> (18U - 6U * i) & 63U] : '=');
        }
    }
    return text;
}

}  // namespace kstt
