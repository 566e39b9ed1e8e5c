#include "text/json-tokenizer.h"

#include "runtime/error.h"
#include "text/unigram.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace kstt {
namespace {

void refuse_unless_null(const json_value & root, const char * key) {
    if (!root.is_null(key)) {
        fail_unsupported(root.at(key), "null");
    }
}

// A score as serde_json reads it for the tokenizers package: the digits as one integer, divided by a power of ten. The
// last bit can differ from the nearest double, and with it which of two segmentations with equal sums wins.
double score_of_package(double score) {
    const std::string text     = nlohmann::json(std::fabs(score)).dump();  // the shortest digits, as in the file
    uint64_t          digits   = 0;
    int               exponent = 0;
    size_t            at       = 0;
    for (bool after_point = false; at < text.size() && text[at] != 'e'; ++at) {
        if (text[at] == '.') {
            after_point = true;
            continue;
        }
        digits = digits * 10 + static_cast<uint64_t>(text[at] - '0');
        exponent -= after_point ? 1 : 0;
    }
    exponent += at < text.size() ? std::stoi(text.substr(at + 1)) : 0;
    // Powers up to 1e22 are exact; scores are logarithms, which need no others.
    if (exponent > 0 || exponent < -22) {
        return score;
    }
    double power = 1.0;
    for (int i = 0; i > exponent; --i) {
        power *= 10.0;
    }
    return std::copysign(static_cast<double>(digits) / power, score);
}

// What the conversions never turn on, and what would change the ids.
void check_added(const json_value & root) {
    const json_value list = root.at("added_tokens");
    for (size_t i = 0; i < list.raw().size(); ++i) {
        for (const char * key : { "single_word", "lstrip", "rstrip", "normalized" }) {
            const json_value token = list.at(i);
            if (!token.is_null(key) && token.at(key).boolean()) {
                fail_unsupported(token.at(key), "false");
            }
        }
    }
}

// A template that adds no token is as good as none.
void check_post_processor(const json_value & root) {
    if (root.is_null("post_processor")) {
        return;
    }
    const json_value value = root.at("post_processor");
    if (value.at("type").string() != "TemplateProcessing") {
        fail_unsupported(value.at("type"), "TemplateProcessing");
    }
    const json_value single = value.at("single");
    single.expect_array();
    if (single.raw().size() != 1 || !single.at(size_t{ 0 }).contains("Sequence")) {
        fail_unsupported(single, "a template of one sequence");
    }
}

}  // namespace

json_tokenizer::json_tokenizer(const json_value & root)
    : name_(root.source()), vocabulary_(read_json_vocabulary(root)), tokens_(vocabulary_.tokens()), normalizer_(root),
      metaspace_(root), decoder_(root) {
    refuse_unless_null(root, "truncation");
    refuse_unless_null(root, "padding");
    check_post_processor(root);
    if (!vocabulary_.added.empty()) {
        check_added(root);
    }
    std::vector<std::pair<std::string_view, int32_t>> added;
    for (const added_token & token : vocabulary_.added) {
        if (!token.content.empty()) {
            added.emplace_back(token.content, token.id);
        }
    }
    added_                 = piece_trie(std::move(added));
    const json_value model = root.at("model");
    if (vocabulary_.is_unigram) {
        read_unigram(model);
    } else {
        bpe_.emplace(model, vocabulary_);
    }
}

void json_tokenizer::read_unigram(const json_value & model) {
    if (!model.is_null("unk_id")) {
        unknown_ =
            static_cast<int32_t>(model.at("unk_id").integer(0, static_cast<int64_t>(vocabulary_.pieces.size()) - 1));
    }
    const bool byte_fallback = !model.is_null("byte_fallback") && model.at("byte_fallback").boolean();
    std::vector<std::pair<std::string_view, int32_t>> pieces;
    double                                            lowest = std::numeric_limits<double>::infinity();
    byte_ids_.assign(byte_fallback ? 256 : 0, -1);
    for (size_t id = 0; id < vocabulary_.pieces.size(); ++id) {
        const std::string & piece = vocabulary_.pieces[id];
        vocabulary_.scores[id]    = score_of_package(vocabulary_.scores[id]);
        lowest                    = std::min(lowest, vocabulary_.scores[id]);
        if (!piece.empty()) {
            pieces.emplace_back(piece, static_cast<int32_t>(id));
        }
    }
    for (unsigned byte = 0; byte < byte_ids_.size(); ++byte) {
        const auto found = std::find(vocabulary_.pieces.rbegin(), vocabulary_.pieces.rend(), format("<0x%02X>", byte));
        if (found != vocabulary_.pieces.rend()) {
            byte_ids_[byte] = static_cast<int32_t>(vocabulary_.pieces.rend() - found) - 1;
        }
    }
    unknown_score_ = lowest - static_cast<double>(unknown_penalty);
    pieces_        = piece_trie(std::move(pieces));
}

std::vector<int32_t> json_tokenizer::encode(std::string_view text) const {
    const std::string    repaired = utf8_repair(text);
    std::vector<int32_t> ids;
    std::string_view     left     = repaired;
    size_t               plain    = 0;  // bytes at the begin of `left` that no added token covers
    bool                 at_begin = true;
    while (plain < left.size()) {
        size_t  length = 0;
        int32_t id     = 0;
        added_.each_prefix(left.substr(plain), [&](size_t n, int32_t number) {
            length = n;
            id     = number;
        });
        if (length == 0) {
            ++plain;
            continue;
        }
        encode_part(left.substr(0, plain), at_begin, ids);
        ids.push_back(id);
        left.remove_prefix(plain + length);
        plain    = 0;
        at_begin = false;
    }
    encode_part(left, at_begin, ids);
    return ids;
}

void json_tokenizer::encode_part(std::string_view text, bool at_begin, std::vector<int32_t> & ids) const {
    if (text.empty()) {
        return;
    }
    for (const std::string & part : metaspace_.split(normalizer_.normalize(std::string(text)), at_begin)) {
        if (bpe_) {
            bpe_->encode(part, ids);
        } else {
            encode_unigram(part, ids);
        }
    }
}

// Runs of unknown text are one token, or their bytes.
void json_tokenizer::encode_unigram(std::string_view text, std::vector<int32_t> & ids) const {
    const auto score    = [&](int32_t id, size_t) { return vocabulary_.scores[static_cast<size_t>(id)]; };
    const auto segments = unigram_segments<double>(pieces_, text, score, unknown_score_, unknown_);
    for (size_t i = 0; i < segments.size();) {
        std::string_view run = segments[i].text;
        const int32_t    id  = segments[i].id;
        ++i;
        if (id < 0) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        name_ + ": model.unk_id is null, but the text holds a character without a piece");
        }
        if (id != unknown_) {
            ids.push_back(id);
            continue;
        }
        for (; i < segments.size() && segments[i].id == id; ++i) {
            run = { run.data(), run.size() + segments[i].text.size() };
        }
        add_unknown(run, ids);
    }
}

void json_tokenizer::add_unknown(std::string_view run, std::vector<int32_t> & ids) const {
    // It can happen to be a piece, e.g. the unknown piece itself.
    int32_t whole = -1;
    pieces_.each_prefix(run, [&](size_t n, int32_t number) { whole = n == run.size() ? number : whole; });
    const auto id_of = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
    if (whole >= 0) {
        ids.push_back(whole);
    } else if (!byte_ids_.empty() && std::all_of(run.begin(), run.end(), [&](char byte) { return id_of(byte) >= 0; })) {
        for (const char byte : run) {
            ids.push_back(id_of(byte));
        }
    } else {
        ids.push_back(unknown_);
    }
}

std::string json_tokenizer::decode(const int32_t * ids, size_t n, bool skip_special) const {
    std::vector<std::string> shown;
    for (size_t i = 0; i < n; ++i) {
        const std::string & text = piece(ids[i]);
        if (!text.empty() && !(skip_special && is_special(ids[i]))) {
            shown.push_back(text);
        }
    }
    return decoder_.decode(std::move(shown));
}

const std::string & json_tokenizer::piece(int32_t id) const {
    static const std::string nothing;
    return id >= 0 && id < size() ? tokens_[static_cast<size_t>(id)].content : nothing;
}

bool json_tokenizer::is_special(int32_t id) const {
    return id >= 0 && id < size() && tokens_[static_cast<size_t>(id)].special;
}

}  // namespace kstt
