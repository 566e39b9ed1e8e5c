#include "text/piece-decoder.h"

#include "io/json-file.h"
#include "runtime/error.h"
#include "text/utf8.h"

#include <optional>
#include <string_view>
#include <utility>

namespace kstt {
namespace {

// The published vocabularies have 4000 and 8000 pieces.
constexpr int64_t max_pieces = 1 << 20;

constexpr std::string_view word_mark = "\xE2\x96\x81";  // U+2581, SentencePiece's space

std::optional<uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<uint8_t>(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<uint8_t>(c - 'A' + 10);
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<uint8_t>(c - 'a' + 10);
    }
    return std::nullopt;
}

// The bytes that a piece of the vocabulary stands for.
std::string piece_bytes(std::string_view piece) {
    if (piece.size() == 6 && piece.substr(0, 3) == "<0x" && piece[5] == '>') {
        const auto high = hex_digit(piece[3]);
        const auto low  = hex_digit(piece[4]);
        if (high && low) {
            return { static_cast<char>(*high * 16 + *low) };
        }
    }
    std::string bytes;
    while (!piece.empty()) {
        const size_t mark = piece.find(word_mark);
        bytes.append(piece.substr(0, mark));
        if (mark == std::string_view::npos) {
            break;
        }
        bytes.push_back(' ');
        piece.remove_prefix(mark + word_mark.size());
    }
    return bytes;
}

// One piece per id: from a Unigram model's list of [piece, score] or a BPE model's map from piece to id.
std::vector<std::string> read_vocabulary(const json_value & model) {
    const json_value         vocab = model.at("vocab");
    std::vector<std::string> pieces;
    if (vocab.raw().size() > static_cast<size_t>(max_pieces)) {
        vocab.fail("a vocabulary of at most 1048576 pieces");
    }
    if (vocab.raw().is_array()) {
        for (size_t id = 0; id < vocab.raw().size(); ++id) {
            const json_value entry = vocab.at(id);
            pieces.push_back(entry.at(size_t{ 0 }).string());
            (void) entry.at(size_t{ 1 }).number();
        }
        return pieces;
    }
    vocab.expect_object();
    std::vector<bool> taken;
    for (const auto & item : vocab.raw().items()) {
        const json_value entry = vocab.at(item.key());
        const auto       id    = static_cast<size_t>(entry.integer(0, max_pieces - 1));
        if (id >= pieces.size()) {
            pieces.resize(id + 1);
            taken.resize(id + 1, false);
        }
        if (taken[id]) {
            entry.fail("an id of its own");
        }
        taken[id]  = true;
        pieces[id] = item.key();
    }
    return pieces;
}

// Byte-level vocabularies spell bytes as other letters; reading them as pieces would give wrong text.
bool is_byte_level(const json_value & decoder) {
    if (decoder.is_null("type")) {
        return false;
    }
    const std::string type = decoder.at("type").string();
    if (type != "Sequence") {
        return type == "ByteLevel";
    }
    const json_value parts = decoder.at("decoders");
    parts.expect_array();
    for (size_t i = 0; i < parts.raw().size(); ++i) {
        if (is_byte_level(parts.at(i))) {
            return true;
        }
    }
    return false;
}

void check_kind(const json_value & root, const json_value & model) {
    // Old files leave the type out; the vocabulary's own form tells the two apart then.
    if (!model.is_null("type")) {
        const json_value type = model.at("type");
        if (type.string() != "Unigram" && type.string() != "BPE") {
            throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                        type.where() + " is " + type.describe() + "; only \"Unigram\" and \"BPE\" can be read");
        }
    }
    if (!root.is_null("decoder") && is_byte_level(root.at("decoder"))) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    root.at("decoder").where() + " is byte-level; only SentencePiece vocabularies can be read");
    }
}

}  // namespace

piece_decoder piece_decoder::read(const tokenizer_file & file) {
    const json_value root = json_value::parse(file.bytes.data(), file.bytes.size(), file.name);
    root.expect_object();
    const json_value model = root.at("model");
    check_kind(root, model);

    piece_decoder decoder;
    const auto    put = [&](size_t id, const std::string & piece, bool special) {
        if (id >= decoder.pieces_.size()) {
            decoder.pieces_.resize(id + 1);
        }
        decoder.pieces_[id] = { special ? std::string() : piece_bytes(piece),
                                special,
                                !special && std::string_view(piece).substr(0, word_mark.size()) == word_mark };
    };
    const std::vector<std::string> vocabulary = read_vocabulary(model);
    for (size_t id = 0; id < vocabulary.size(); ++id) {
        put(id, vocabulary[id], false);
    }
    if (!root.is_null("added_tokens")) {
        const json_value added = root.at("added_tokens");
        added.expect_array();
        for (size_t i = 0; i < added.raw().size(); ++i) {
            const json_value token = added.at(i);
            put(static_cast<size_t>(token.at("id").integer(0, max_pieces - 1)),
                token.at("content").string(),
                token.contains("special") && token.at("special").boolean());
        }
    }
    if (decoder.pieces_.empty()) {
        model.at("vocab").fail("a vocabulary of at least one piece");
    }
    return decoder;
}

const std::string & piece_decoder::piece(int32_t token) const {
    static const std::string nothing;
    return token >= 0 && token < size() ? pieces_[static_cast<size_t>(token)].bytes : nothing;
}

bool piece_decoder::starts_word(int32_t token) const {
    return token >= 0 && token < size() && pieces_[static_cast<size_t>(token)].starts_word;
}

bool piece_decoder::is_special(int32_t token) const {
    return token >= 0 && token < size() && pieces_[static_cast<size_t>(token)].special;
}

std::string piece_decoder::decode(const int32_t * tokens, size_t n) const {
    std::string bytes;
    for (size_t i = 0; i < n; ++i) {
        bytes += piece(tokens[i]);
    }
    const std::string text = utf8_repair(bytes);
    return !text.empty() && text.front() == ' ' ? text.substr(1) : text;
}

}  // namespace kstt
