#include "text/piece-normalizer.h"

#include "text/utf8.h"

namespace kstt {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

piece_normalizer::piece_normalizer(const normalizer_spec & spec, bool whitespace_as_suffix, const std::string & where)
    : spec_(spec), whitespace_as_suffix_(whitespace_as_suffix) {
    if (!spec.precompiled_charsmap.empty()) {
        map_.emplace(spec.precompiled_charsmap, where + ".precompiled_charsmap");
        spec_.precompiled_charsmap.clear();
    }
}

piece_normalizer::step piece_normalizer::next(std::string_view text, const piece_trie & kept) const {
    if (const size_t length = kept.longest_prefix(text); length > 0) {
        return { length, text.substr(0, length) };
    }
    if (map_) {
        if (const auto match = map_->longest(text)) {
            return { match->length, match->replacement };
        }
    }
    const utf8_sequence character = utf8_next(text);
    if (!character.complete) {
        return { 1, utf8_replacement };
    }
    return { character.size, text.substr(0, character.size) };
}

std::string piece_normalizer::normalize(std::string_view text, const piece_trie & kept) const {
    if (spec_.remove_extra_whitespaces) {
        while (!text.empty()) {
            const step first = next(text, kept);
            if (first.text != " ") {
                break;
            }
            text.remove_prefix(first.consumed);
        }
    }
    std::string normalized;
    if (text.empty()) {
        return normalized;
    }
    const std::string_view space = spec_.escape_whitespaces ? word_mark : " ";
    if (!whitespace_as_suffix_ && spec_.add_dummy_prefix) {
        normalized.append(space);
    }
    bool after_space = spec_.remove_extra_whitespaces;
    while (!text.empty()) {
        step here = next(text, kept);
        text.remove_prefix(here.consumed);
        while (after_space && !here.text.empty() && here.text.front() == ' ') {
            here.text.remove_prefix(1);
        }
        for (const char c : here.text) {
            if (c == ' ') {
                normalized.append(space);
            } else {
                normalized.push_back(c);
            }
        }
        if (!here.text.empty()) {
            after_space = spec_.remove_extra_whitespaces && here.text.back() == ' ';
        }
    }
    if (spec_.remove_extra_whitespaces) {
        while (ends_with(normalized, space)) {
            normalized.resize(normalized.size() - space.size());
        }
    }
    if (whitespace_as_suffix_ && spec_.add_dummy_prefix) {
        normalized.append(space);
    }
    return normalized;
}

}  // namespace kstt
