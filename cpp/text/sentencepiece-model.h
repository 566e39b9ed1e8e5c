// A SentencePiece model as its file says it: sentencepiece_model.proto of the sentencepiece package, the parts that
// encoding and decoding need, checked as the package checks them when it loads a model.
#pragma once

#include "io/tokenizer-file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kstt {

// Numbers as in the file.
enum class piece_type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct sentencepiece {
    std::string text;  // UTF-8, not empty, no NUL
    float       score = 0.0F;
    piece_type  type  = piece_type::normal;
};

struct normalizer_spec {
    std::string name;                  // e.g. "nmt_nfkc", "identity"
    std::string precompiled_charsmap;  // empty: characters stay as they are
    bool        add_dummy_prefix         = true;
    bool        remove_extra_whitespaces = true;
    bool        escape_whitespaces       = true;
};

enum class sentencepiece_algorithm { unigram = 1, bpe = 2 };

struct sentencepiece_model {
    std::string                    name;  // the file, for errors
    sentencepiece_algorithm        algorithm = sentencepiece_algorithm::unigram;
    std::vector<sentencepiece>     pieces;                           // by id
    int32_t                        unk_id                     = -1;  // -1: none, which byte fallback allows
    std::string                    unk_surface                = " \xE2\x81\x87 ";  // what <unk> decodes to
    bool                           byte_fallback              = false;
    bool                           treat_whitespace_as_suffix = false;
    std::vector<int32_t>           byte_ids;  // with byte_fallback: the id of each byte
    normalizer_spec                normalizer;
    std::optional<normalizer_spec> denormalizer;
};

// Throws MODEL_FORMAT (damaged, or at odds with itself), MODEL_UNSUPPORTED (word and character models).
sentencepiece_model read_sentencepiece(const tokenizer_file & file);

// The byte that "<0xNN>" stands for; hexadecimal digits of either case if asked, as tokenizer.json takes them.
std::optional<uint8_t> byte_of_piece(std::string_view piece, bool any_case);

// Texts with every U+2581 (SentencePiece's space) as a space.
std::string replace_word_marks(std::string_view piece);

constexpr std::string_view word_mark = "\xE2\x96\x81";  // U+2581

// More than any vocabulary has; the published ones have 4000 and 8000.
constexpr size_t max_pieces = size_t{ 1 } << 20U;

}  // namespace kstt
