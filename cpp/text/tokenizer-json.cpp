#include "text/tokenizer-json.h"

#include "runtime/error.h"
#include "text/base64.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace kstt {
namespace {

using json = nlohmann::ordered_json;

// Finding the merges takes the square of a piece's length; real ones have at most some dozens of bytes.
constexpr size_t max_merged_bytes = 512;

[[noreturn]] void throw_unsupported(const sentencepiece_model & model, const std::string & reason) {
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                model.name + ": " + reason + ", which tokenizer.json has no place for; keep the .model file");
}

json added_tokens(const sentencepiece_model & model) {
    json tokens = json::array();
    for (size_t id = 0; id < model.pieces.size(); ++id) {
        const sentencepiece & piece      = model.pieces[id];
        const bool            is_special = piece.type == piece_type::control || piece.type == piece_type::unknown;
        if (is_special || piece.type == piece_type::user_defined) {
            tokens.push_back({ { "id", id },
                               { "content", piece.text },
                               { "single_word", false },
                               { "lstrip", false },
                               { "rstrip", false },
                               { "normalized", false },
                               { "special", is_special } });
        }
    }
    return tokens;
}

json replacement(std::string_view from, std::string_view to) {
    return { { "type", "Replace" }, { "pattern", { { "String", from } } }, { "content", to } };
}

json normalizer(const sentencepiece_model & model) {
    json steps = json::array();
    if (!model.normalizer.precompiled_charsmap.empty()) {
        steps.push_back({ { "type", "Precompiled" },
                          { "precompiled_charsmap", encode_base64(model.normalizer.precompiled_charsmap) } });
    }
    steps.push_back(replacement(" ", word_mark));
    return { { "type", "Sequence" }, { "normalizers", std::move(steps) } };
}

json decoder() {
    json steps = json::array();
    steps.push_back(replacement(word_mark, " "));
    steps.push_back({ { "type", "ByteFallback" } });
    steps.push_back({ { "type", "Fuse" } });
    steps.push_back({ { "type", "Strip" }, { "content", " " }, { "start", 1 }, { "stop", 0 } });
    return { { "type", "Sequence" }, { "decoders", std::move(steps) } };
}

json unigram(const sentencepiece_model & model) {
    json vocabulary = json::array();
    for (const sentencepiece & piece : model.pieces) {
        if (!std::isfinite(piece.score)) {
            throw_unsupported(model, "the score of piece \"" + piece.text + "\" is no number");
        }
        vocabulary.push_back(json::array({ piece.text, static_cast<double>(piece.score) }));
    }
    return { { "type", "Unigram" },
             { "unk_id", model.unk_id < 0 ? json(nullptr) : json(model.unk_id) },
             { "vocab", std::move(vocabulary) },
             { "byte_fallback", model.byte_fallback } };
}

struct merge {
    std::string_view                  left;
    std::string_view                  right;
    // Better ones are greater: the piece's score, then the characters of both parts.
    std::tuple<float, size_t, size_t> rank;
};

size_t n_characters(std::string_view text) {
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80U; }));
}

// Every way in which two pieces make a third, the best first.
std::vector<merge> merges_of(const sentencepiece_model & model) {
    std::unordered_map<std::string_view, size_t> ids;
    for (size_t id = 0; id < model.pieces.size(); ++id) {
        ids.emplace(model.pieces[id].text, id);
    }
    std::vector<merge> merges;
    for (const sentencepiece & piece : model.pieces) {
        const std::string_view text = piece.text;
        if (text.size() > max_merged_bytes) {
            throw_unsupported(model, format("a piece of %zu bytes in a BPE model", text.size()));
        }
        const size_t before = merges.size();
        for (size_t at = 1; at < text.size(); ++at) {
            const std::string_view left  = text.substr(0, at);
            const std::string_view right = text.substr(at);
            if (ids.count(left) > 0 && ids.count(right) > 0) {
                merges.push_back({ left, right, { piece.score, n_characters(left), n_characters(right) } });
            }
        }
        std::sort(
            merges.begin() + static_cast<std::ptrdiff_t>(before), merges.end(), [&](const merge & a, const merge & b) {
                return std::make_pair(ids[a.left], ids[a.right]) < std::make_pair(ids[b.left], ids[b.right]);
            });
    }
    std::stable_sort(merges.begin(), merges.end(), [](const merge & a, const merge & b) { return a.rank > b.rank; });
    return merges;
}

json bpe(const sentencepiece_model & model) {
    json   vocabulary = json::object();
    // Without the look-up of every name that an assignment makes; pieces differ.
    auto & entries    = static_cast<json::object_t::Container &>(vocabulary.get_ref<json::object_t &>());
    for (size_t id = 0; id < model.pieces.size(); ++id) {
        entries.emplace_back(model.pieces[id].text, id);
    }
    json merges = json::array();
    for (const merge & each : merges_of(model)) {
        merges.push_back(json::array({ each.left, each.right }));
    }
    const bool has_unknown = model.unk_id >= 0;
    return { { "type", "BPE" },
             { "dropout", nullptr },
             { "unk_token", has_unknown ? json(model.pieces[static_cast<size_t>(model.unk_id)].text) : json(nullptr) },
             { "continuing_subword_prefix", nullptr },
             { "end_of_word_suffix", nullptr },
             { "fuse_unk", true },
             { "byte_fallback", model.byte_fallback },
             { "ignore_merges", false },
             { "vocab", std::move(vocabulary) },
             { "merges", std::move(merges) } };
}

}  // namespace

std::string to_tokenizer_json(const sentencepiece_model & model) {
    if (model.treat_whitespace_as_suffix) {
        throw_unsupported(model, "spaces stand at the end of words");
    }
    const json document = {
        { "version", "1.0" },
        { "truncation", nullptr },
        { "padding", nullptr },
        { "added_tokens", added_tokens(model) },
        { "normalizer", normalizer(model) },
        { "pre_tokenizer",
          { { "type", "Metaspace" },
            { "replacement", word_mark },
            { "prepend_scheme", model.normalizer.add_dummy_prefix ? "first" : "never" },
            { "split", false } } },
        { "post_processor", nullptr },
        { "decoder", decoder() },
        { "model", model.algorithm == sentencepiece_algorithm::bpe ? bpe(model) : unigram(model) },
    };
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace kstt
