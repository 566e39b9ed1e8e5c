#include "text/piece-decoder.h"

#include "io/json-file.h"
#include "text/json-vocabulary.h"
#include "text/sentencepiece-model.h"
#include "text/utf8.h"

#include <string_view>
#include <utility>

namespace kstt {
namespace {

bool opens_word(std::string_view piece) {
    return piece.substr(0, word_mark.size()) == word_mark;
}

}  // namespace

piece_decoder piece_decoder::read(const tokenizer_file & file) {
    piece_decoder decoder;
    if (file.kind == tokenizer_kind::sentencepiece) {
        for (const sentencepiece & piece : read_sentencepiece(file).pieces) {
            entry e;
            e.special = piece.type == piece_type::unknown || piece.type == piece_type::control;
            if (piece.type == piece_type::byte) {
                e.bytes = { static_cast<char>(byte_of_piece(piece.text, false).value_or(0)) };
            } else if (!e.special) {
                e.bytes       = replace_word_marks(piece.text);
                e.starts_word = opens_word(piece.text);
            }
            decoder.pieces_.push_back(std::move(e));
        }
        return decoder;
    }
    const json_value root = json_value::parse(file.bytes.data(), file.bytes.size(), file.name);
    for (const added_token & token : read_json_vocabulary(root).tokens()) {
        entry e;
        e.special = token.special;
        if (!e.special) {
            const auto byte = byte_of_piece(token.content, true);
            e.bytes         = byte ? std::string(1, static_cast<char>(*byte)) : replace_word_marks(token.content);
            e.starts_word   = opens_word(token.content);
        }
        decoder.pieces_.push_back(std::move(e));
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
