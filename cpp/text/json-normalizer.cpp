#include "text/json-normalizer.h"

#include "text/base64.h"
#include "text/graphemes.h"
#include "text/json-vocabulary.h"
#include "text/utf8.h"

#include <algorithm>
#include <utility>

namespace kstt {
namespace {

// Sequences may hold sequences.
constexpr int max_depth = 8;

// Longer clusters are mapped character by character (normalizers/precompiled.rs of tokenizers).
constexpr size_t max_mapped_cluster = 5;

std::string map_clusters(const charsmap & map, std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::string_view cluster = text.substr(0, short_grapheme_size(text));
        text.remove_prefix(cluster.size());
        const auto whole = cluster.size() <= max_mapped_cluster ? map.shortest(cluster) : std::nullopt;
        if (whole) {
            out.append(whole->replacement);
            continue;
        }
        while (!cluster.empty()) {
            const std::string_view character = cluster.substr(0, utf8_next(cluster).size);
            cluster.remove_prefix(character.size());
            const auto match = map.shortest(character);
            out.append(match ? match->replacement : character);
        }
    }
    return out;
}

// The runs of two and more `pattern`, one after the other.
std::string replace_runs(std::string_view text, std::string_view pattern, std::string_view content) {
    std::string out;
    while (!text.empty()) {
        size_t run = 0;
        while (text.substr(run, pattern.size()) == pattern) {
            run += pattern.size();
        }
        if (run >= 2 * pattern.size()) {
            out.append(content);
            text.remove_prefix(run);
        } else {
            out.push_back(text.front());
            text.remove_prefix(1);
        }
    }
    return out;
}

// White_Space of the Unicode character database, which Rust's char::is_whitespace tests: the size of such a character
// at the begin of `text`; 0: none.
size_t whitespace_size(std::string_view text) {
    static constexpr std::string_view spaces[] = {
        "\t",           "\n",           "\v",           "\f",           "\r",           " ",
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
        "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
        "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
        "\xE3\x80\x80"
    };
    for (const std::string_view space : spaces) {
        if (text.substr(0, space.size()) == space) {
            return space.size();
        }
    }
    return 0;
}

std::string strip_spaces(std::string_view text, bool left, bool right) {
    for (size_t n = whitespace_size(text); left && n > 0; n = whitespace_size(text)) {
        text.remove_prefix(n);
    }
    while (right && !text.empty()) {
        size_t last = text.size() - 1;
        while (last > 0 && (static_cast<uint8_t>(text[last]) & 0xC0U) == 0x80U) {
            --last;
        }
        if (whitespace_size(text.substr(last)) == 0) {
            break;
        }
        text = text.substr(0, last);
    }
    return std::string(text);
}

}  // namespace

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
    std::string out;
    for (size_t found = text.find(pattern); found != std::string_view::npos; found = text.find(pattern)) {
        out.append(text.substr(0, found)).append(content);
        text.remove_prefix(found + pattern.size());
    }
    return out.append(text);
}

json_normalizer::json_normalizer(const json_value & root) {
    if (!root.is_null("normalizer")) {
        add(root.at("normalizer"), 0);
    }
}

void json_normalizer::add(const json_value & value, int depth) {  // NOLINT(misc-no-recursion): at most max_depth
    const std::string type = value.at("type").string();
    if (type == "Sequence" && depth < max_depth) {
        const json_value parts = value.at("normalizers");
        parts.expect_array();
        for (size_t i = 0; i < parts.raw().size(); ++i) {
            add(parts.at(i), depth + 1);
        }
    } else if (type == "Precompiled") {
        add_charsmap(value.at("precompiled_charsmap"));
    } else if (type == "Replace") {
        add_replace(value);
    } else if (type == "Prepend") {
        steps_.emplace_back(prepend{ value.at("prepend").string() });
    } else if (type == "Strip") {
        steps_.emplace_back(strip{ value.at("strip_left").boolean(), value.at("strip_right").boolean() });
    } else {
        fail_unsupported(value.at("type"), "Precompiled, Replace, Prepend, Strip and Sequence");
    }
}

void json_normalizer::add_charsmap(const json_value & value) {
    const auto bytes = decode_base64(value.string());
    if (!bytes) {
        value.fail("base64");
    }
    steps_.emplace_back(charsmap(*bytes, value.where()));
}

void json_normalizer::add_replace(const json_value & value) {
    const json_value pattern = value.at("pattern");
    replace          rule    = { "", value.at("content").string(), false };
    if (pattern.contains("String")) {
        rule.pattern = pattern.at("String").string();
        if (rule.pattern.empty()) {
            pattern.at("String").fail("a text that is not empty");
        }
    } else {
        // The one expression that the conversions hold.
        const json_value expression = pattern.at("Regex");
        if (expression.string() != " {2,}") {
            fail_unsupported(expression, "\" {2,}\"");
        }
        rule.pattern    = " ";
        rule.whole_runs = true;
    }
    steps_.emplace_back(std::move(rule));
}

std::string json_normalizer::normalize(std::string text) const {
    for (const step & any : steps_) {
        if (const auto * map = std::get_if<charsmap>(&any)) {
            text = map_clusters(*map, text);
        } else if (const auto * r = std::get_if<replace>(&any)) {
            text =
                r->whole_runs ? replace_runs(text, r->pattern, r->content) : replace_all(text, r->pattern, r->content);
        } else if (const auto * p = std::get_if<prepend>(&any)) {
            text.insert(0, text.empty() ? std::string_view() : std::string_view(p->text));
        } else if (const auto * s = std::get_if<strip>(&any)) {
            text = strip_spaces(text, s->left, s->right);
        }
    }
    return text;
}

metaspace::metaspace(const json_value & root) {
    if (root.is_null("pre_tokenizer")) {
        return;
    }
    const json_value value = root.at("pre_tokenizer");
    if (value.at("type").string() != "Metaspace") {
        fail_unsupported(value.at("type"), "Metaspace");
    }
    exists_ = true;
    mark_   = value.at("replacement").string();
    if (mark_.empty() || utf8_next(mark_).size != mark_.size()) {
        value.at("replacement").fail("one character");
    }
    splits_ = value.is_null("split") || value.at("split").boolean();
    if (!value.is_null("prepend_scheme")) {
        const json_value  named = value.at("prepend_scheme");
        const std::string name  = named.string();
        if (name != "always" && name != "first" && name != "never") {
            named.fail("\"always\", \"first\" or \"never\"");
        }
        prepend_ = name == "always" ? scheme::always : name == "first" ? scheme::first : scheme::none;
    } else if (!value.is_null("add_prefix_space") && !value.at("add_prefix_space").boolean()) {
        prepend_ = scheme::none;  // files of tokenizers before 0.15
    }
}

std::vector<std::string> metaspace::split(std::string text, bool at_begin) const {
    if (text.empty()) {
        return {};
    }
    if (!exists_) {
        return { std::move(text) };
    }
    text               = replace_all(text, " ", mark_);
    const bool prepend = prepend_ == scheme::always || (prepend_ == scheme::first && at_begin);
    if (prepend && text.compare(0, mark_.size(), mark_) != 0) {
        text.insert(0, mark_);
    }
    std::vector<std::string> parts;
    for (size_t begin = 0; splits_ && begin < text.size();) {
        // A mark belongs to what follows it.
        const size_t end = std::min(text.find(mark_, begin + 1), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    if (!splits_) {
        parts.push_back(std::move(text));
    }
    return parts;
}

}  // namespace kstt
