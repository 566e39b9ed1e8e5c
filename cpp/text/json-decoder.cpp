#include "text/json-decoder.h"

#include "text/json-normalizer.h"
#include "text/json-vocabulary.h"
#include "text/sentencepiece-model.h"
#include "text/utf8.h"

#include <string_view>
#include <utility>

namespace kstt {
namespace {

// Sequences may hold sequences.
constexpr int     max_depth    = 8;
constexpr int64_t max_stripped = 1 << 20;

// Runs of byte tokens become text; one that is not UTF-8 becomes a U+FFFD for each of its bytes.
std::vector<std::string> join_bytes(const std::vector<std::string> & tokens) {
    std::vector<std::string> joined;
    std::string              bytes;
    const auto               flush = [&] {
        if (is_utf8(bytes)) {
            if (!bytes.empty()) {
                joined.push_back(bytes);
            }
        } else {
            joined.insert(joined.end(), bytes.size(), std::string(utf8_replacement));
        }
        bytes.clear();
    };
    for (const std::string & token : tokens) {
        if (const auto byte = byte_of_piece(token, true)) {
            bytes.push_back(static_cast<char>(*byte));
        } else {
            flush();
            joined.push_back(token);
        }
    }
    flush();
    return joined;
}

std::string strip_characters(std::string_view token, std::string_view character, size_t start, size_t stop) {
    for (; start > 0 && token.substr(0, character.size()) == character; --start) {
        token.remove_prefix(character.size());
    }
    for (; stop > 0 && token.size() >= character.size() && token.substr(token.size() - character.size()) == character;
         --stop) {
        token.remove_suffix(character.size());
    }
    return std::string(token);
}

std::string one_character(const json_value & value) {
    std::string text = value.string();
    if (text.empty() || utf8_next(text).size != text.size()) {
        value.fail("one character");
    }
    return text;
}

}  // namespace

json_decoder::json_decoder(const json_value & root) {
    if (!root.is_null("decoder")) {
        exists_ = true;
        add(root.at("decoder"), 0);
    }
}

void json_decoder::add(const json_value & value, int depth) {  // NOLINT(misc-no-recursion): at most max_depth
    const std::string type = value.at("type").string();
    if (type == "Sequence" && depth < max_depth) {
        const json_value parts = value.at("decoders");
        parts.expect_array();
        for (size_t i = 0; i < parts.raw().size(); ++i) {
            add(parts.at(i), depth + 1);
        }
    } else if (type == "Replace") {
        const json_value pattern = value.at("pattern");
        if (!pattern.contains("String")) {
            fail_unsupported(pattern, "a pattern of the kind \"String\"");
        }
        replace rule = { pattern.at("String").string(), value.at("content").string() };
        if (rule.pattern.empty()) {
            pattern.at("String").fail("a text that is not empty");
        }
        steps_.emplace_back(std::move(rule));
    } else if (type == "ByteFallback") {
        steps_.emplace_back(byte_fallback{});
    } else if (type == "Fuse") {
        steps_.emplace_back(fuse{});
    } else if (type == "Strip") {
        steps_.emplace_back(strip{ one_character(value.at("content")),
                                   static_cast<size_t>(value.at("start").integer(0, max_stripped)),
                                   static_cast<size_t>(value.at("stop").integer(0, max_stripped)) });
    } else if (type == "Metaspace") {
        const bool never = value.is_null("prepend_scheme")
                               ? !value.is_null("add_prefix_space") && !value.at("add_prefix_space").boolean()
                               : value.at("prepend_scheme").string() == "never";
        steps_.emplace_back(metaspace_marks{ one_character(value.at("replacement")), !never });
    } else {
        fail_unsupported(value.at("type"), "Replace, ByteFallback, Fuse, Strip, Metaspace and Sequence");
    }
}

std::string json_decoder::decode(std::vector<std::string> tokens) const {
    for (const step & any : steps_) {
        if (const auto * r = std::get_if<replace>(&any)) {
            for (std::string & token : tokens) {
                token = replace_all(token, r->pattern, r->content);
            }
        } else if (std::get_if<byte_fallback>(&any) != nullptr) {
            tokens = join_bytes(tokens);
        } else if (std::get_if<fuse>(&any) != nullptr) {
            std::string all;
            for (const std::string & token : tokens) {
                all += token;
            }
            tokens.assign(1, all);
        } else if (const auto * s = std::get_if<strip>(&any)) {
            for (std::string & token : tokens) {
                token = strip_characters(token, s->content, s->start, s->stop);
            }
        } else if (const auto * m = std::get_if<metaspace_marks>(&any)) {
            for (size_t i = 0; i < tokens.size(); ++i) {
                tokens[i] = replace_all(tokens[i], m->mark, i == 0 && m->drops_first ? "" : " ");
            }
        }
    }
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
        text += (i == 0 || exists_ ? "" : " ") + tokens[i];
    }
    return text;
}

}  // namespace kstt
