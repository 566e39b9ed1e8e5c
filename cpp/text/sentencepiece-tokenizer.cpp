#include "text/sentencepiece-tokenizer.h"

#include "text/unigram.h"
#include "text/utf8.h"

#include <limits>
#include <utility>

namespace kstt {
namespace {

// The bytes of a run of byte pieces as text: each that is no part of a character becomes U+FFFD.
void append_bytes(std::string & text, std::string & bytes) {
    std::string_view left = bytes;
    while (!left.empty()) {
        const utf8_sequence next = utf8_next(left);
        text.append(next.complete ? left.substr(0, next.size) : utf8_replacement);
        left.remove_prefix(next.complete ? next.size : 1);
    }
    bytes.clear();
}

}  // namespace

sentencepiece_tokenizer::sentencepiece_tokenizer(sentencepiece_model model)
    : model_(std::move(model)),
      normalizer_(model_.normalizer, model_.treat_whitespace_as_suffix, model_.name + ": normalizer_spec") {
    if (model_.denormalizer && !model_.denormalizer->precompiled_charsmap.empty()) {
        denormalizer_.emplace(*model_.denormalizer, false, model_.name + ": denormalizer_spec");
    }
    std::vector<std::pair<std::string_view, int32_t>> kept;
    std::vector<std::pair<std::string_view, int32_t>> pieces;
    float                                             lowest = std::numeric_limits<float>::max();
    for (size_t id = 0; id < model_.pieces.size(); ++id) {
        const sentencepiece & piece = model_.pieces[id];
        if (piece.type == piece_type::user_defined) {
            kept.emplace_back(piece.text, static_cast<int32_t>(id));
        }
        if (piece.type == piece_type::normal || piece.type == piece_type::user_defined) {
            pieces.emplace_back(piece.text, static_cast<int32_t>(id));
        }
        if (piece.type == piece_type::normal) {
            lowest = std::min(lowest, piece.score);
        }
    }
    unknown_score_ = lowest - unknown_penalty;
    kept_          = piece_trie(std::move(kept));
    if (model_.algorithm == sentencepiece_algorithm::bpe) {
        bpe_.emplace(model_);
    } else {
        pieces_ = piece_trie(std::move(pieces));
    }
}

std::vector<text_segment> sentencepiece_tokenizer::unigram(std::string_view text) const {
    const auto score = [&](int32_t id, size_t length) {
        const sentencepiece & piece = model_.pieces[static_cast<size_t>(id)];
        // A bonus that lets user-defined pieces win (GetUserDefinedScore of sentencepiece).
        return piece.type == piece_type::user_defined ? static_cast<float>(0.1 * (static_cast<double>(length) - 1.0))
                                                      : piece.score;
    };
    return unigram_segments<float>(pieces_, text, score, unknown_score_, model_.unk_id);
}

std::vector<int32_t> sentencepiece_tokenizer::encode(std::string_view text) const {
    const std::string    normalized = normalizer_.normalize(text, kept_);
    std::vector<int32_t> ids;
    bool                 after_unknown = false;
    for (const text_segment & segment : bpe_ ? bpe_->segments(normalized, kept_) : unigram(normalized)) {
        const bool is_unknown = segment.id == model_.unk_id;
        if (is_unknown && model_.byte_fallback) {
            for (const char byte : segment.text) {
                ids.push_back(model_.byte_ids[static_cast<uint8_t>(byte)]);
            }
        } else if (!is_unknown || !after_unknown) {
            ids.push_back(segment.id);  // a run of unknown text is one token
        }
        after_unknown = is_unknown;
    }
    return ids;
}

std::string sentencepiece_tokenizer::decode(const int32_t * ids, size_t n, bool skip_special) const {
    const bool  strips_space = model_.normalizer.add_dummy_prefix || model_.normalizer.remove_extra_whitespaces;
    std::string text;
    std::string bytes;
    bool        at_begin = true;
    for (size_t i = 0; i < n; ++i) {
        if (ids[i] < 0 || ids[i] >= size() || (skip_special && is_special(ids[i]))) {
            continue;
        }
        const sentencepiece & piece = model_.pieces[static_cast<size_t>(ids[i])];
        if (piece.type == piece_type::byte) {
            bytes.push_back(static_cast<char>(byte_of_piece(piece.text, false).value_or(0)));
            continue;
        }
        append_bytes(text, bytes);
        at_begin = at_begin && text.empty();
        if (piece.type == piece_type::control) {
            continue;
        }
        std::string_view shown    = piece.text;
        bool             stripped = false;
        if (at_begin && strips_space && shown.substr(0, word_mark.size()) == word_mark) {
            shown.remove_prefix(word_mark.size());
            // With extra spaces removed, all at the beginning go; else only the one that encoding put there.
            stripped = !model_.normalizer.remove_extra_whitespaces;
        }
        text.append(piece.type == piece_type::unknown ? model_.unk_surface : replace_word_marks(shown));
        at_begin = at_begin && !stripped && text.empty();
    }
    append_bytes(text, bytes);
    return denormalizer_ ? denormalizer_->normalize(text, piece_trie()) : text;
}

const std::string & sentencepiece_tokenizer::piece(int32_t id) const {
    static const std::string nothing;
    return id >= 0 && id < size() ? model_.pieces[static_cast<size_t>(id)].text : nothing;
}

bool sentencepiece_tokenizer::is_special(int32_t id) const {
    if (id < 0 || id >= size()) {
        return false;
    }
    const piece_type type = model_.pieces[static_cast<size_t>(id)].type;
    return type == piece_type::unknown || type == piece_type::control;
}

}  // namespace kstt
