#include "text/charsmap.h"

#include "runtime/error.h"
#include "text/utf8.h"

namespace kstt {
namespace {

constexpr size_t size_bytes  = sizeof(uint32_t);
// Darts-clone makes its arrays in blocks of 256 units.
constexpr size_t block_bytes = 1024;

// Fields of a unit of Darts-clone. Bit 31 marks a leaf, which holds a value instead.
constexpr uint32_t leaf_bit = uint32_t{ 1 } << 31U;

uint32_t label_of(uint32_t unit) {
    return unit & (leaf_bit | 0xFFU);
}
bool has_leaf(uint32_t unit) {
    return ((unit >> 8U) & 1U) != 0;
}
size_t offset_of(uint32_t unit) {
    return static_cast<size_t>(unit >> 10U) << ((unit & (1U << 9U)) >> 6U);
}
uint32_t value_of(uint32_t unit) {
    return unit & ~leaf_bit;
}

uint32_t read_u32(std::string_view bytes, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])); };
    return byte(0) | (byte(1) << 8U) | (byte(2) << 16U) | (byte(3) << 24U);
}

[[noreturn]] void fail(const std::string & where, const std::string & problem) {
    throw error(KSTT_STATUS_MODEL_FORMAT, where + ": " + problem + "; the file is damaged, fetch it again");
}

}  // namespace

charsmap::charsmap(std::string_view bytes, const std::string & where) {
    if (bytes.size() <= size_bytes) {
        fail(where, format("%zu bytes, too few for a character map", bytes.size()));
    }
    const size_t trie_bytes = read_u32(bytes, 0);
    if (trie_bytes >= bytes.size() - size_bytes || trie_bytes < block_bytes || trie_bytes % block_bytes != 0) {
        fail(where, format("its trie cannot have %zu of the map's %zu bytes", trie_bytes, bytes.size()));
    }
    units_.resize(trie_bytes / sizeof(uint32_t));
    for (size_t i = 0; i < units_.size(); ++i) {
        units_[i] = read_u32(bytes, size_bytes + i * sizeof(uint32_t));
    }
    replacements_ = bytes.substr(size_bytes + trie_bytes);
    if (!is_utf8(replacements_)) {
        fail(where, "its replacements are not UTF-8");
    }
    check_units(where);
}

void charsmap::check_units(const std::string & where) const {
    const size_t n       = units_.size();
    // Children lie in the block of 256 units that the offset leads to.
    const auto   fits    = [&](size_t node) { return ((node ^ offset_of(units_[node])) | 0xFFU) < n; };
    const auto   fail_at = [&](size_t node) { fail(where, format("unit %zu of its trie is impossible", node)); };
    if (label_of(units_[0]) != 0 || has_leaf(units_[0]) || !fits(0)) {
        fail_at(0);
    }
    for (size_t i = 1; i < n; ++i) {
        const uint32_t unit = units_[i];
        if (label_of(unit) > 0xFFU) {
            const size_t at = value_of(unit);
            // A replacement must not begin inside a character.
            if (at >= replacements_.size() || (static_cast<uint8_t>(replacements_[at]) & 0xC0U) == 0x80U) {
                fail_at(i);
            }
        } else if (!fits(i) || (has_leaf(unit) && label_of(units_[i ^ offset_of(unit)]) <= 0xFFU)) {
            fail_at(i);
        }
    }
}

std::string_view charsmap::replacement(uint32_t value) const {
    const std::string_view rest = std::string_view(replacements_).substr(value);
    return rest.substr(0, rest.find('\0'));
}

template <typename F>
void charsmap::each_prefix(std::string_view text, F && found) const {
    size_t node = offset_of(units_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<uint8_t>(text[i]);
        node ^= byte;
        const uint32_t unit = units_[node];
        if (label_of(unit) != byte) {
            return;
        }
        node ^= offset_of(unit);
        if (has_leaf(unit) && !found(i + 1, value_of(units_[node]))) {
            return;
        }
    }
}

std::optional<charsmap::match> charsmap::longest(std::string_view text) const {
    std::optional<match> best;
    each_prefix(text, [&](size_t length, uint32_t value) {
        best = match{ length, replacement(value) };
        return true;
    });
    return best;
}

std::optional<charsmap::match> charsmap::shortest(std::string_view text) const {
    std::optional<match> first;
    each_prefix(text, [&](size_t length, uint32_t value) {
        first = match{ length, replacement(value) };
        return false;
    });
    return first;
}

}  // namespace kstt
