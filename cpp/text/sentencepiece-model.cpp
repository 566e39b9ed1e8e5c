#include "text/sentencepiece-model.h"

#include "io/json-file.h"
#include "runtime/error.h"
#include "text/protobuf-reader.h"
#include "text/utf8.h"

#include <cmath>
#include <unordered_set>

namespace kstt {
namespace {

// Of sentencepiece 0.2.3 (model_interface.cc).
constexpr size_t max_piece_bytes = 8000;

class model_reader {
  public:
    explicit model_reader(const tokenizer_file & file) : file_(file) { model_.name = file.name; }

    sentencepiece_model read() {
        protobuf_reader fields(file_.bytes, file_.name);
        while (fields.next()) {
            switch (fields.field()) {
            case 1:
                read_piece(fields.bytes());
                break;
            case 2:
                read_trainer(fields.bytes());
                break;
            case 3:
                read_normalizer(fields.bytes(), "normalizer_spec", model_.normalizer);
                break;
            case 5:
                if (!model_.denormalizer) {
                    model_.denormalizer.emplace();
                }
                read_normalizer(fields.bytes(), "denormalizer_spec", *model_.denormalizer);
                break;
            default:
                break;
            }
        }
        check();
        return std::move(model_);
    }

  private:
    std::string part(const std::string & name) const { return file_.name + ": " + name; }

    [[noreturn]] void fail(const std::string & problem) const {
        throw error(KSTT_STATUS_MODEL_FORMAT, file_.name + ": " + problem);
    }

    std::string text(const protobuf_reader & fields, const char * what) const {
        const std::string_view bytes = fields.bytes();
        if (!is_utf8(bytes)) {
            fields.fail(std::string(what) + " is not UTF-8");
        }
        return std::string(bytes);
    }

    void read_piece(std::string_view message) {
        if (model_.pieces.size() == max_pieces) {
            fail(format("more than %zu pieces", max_pieces));
        }
        protobuf_reader fields(message, part(format("piece %zu", model_.pieces.size())));
        sentencepiece   piece;
        while (fields.next()) {
            switch (fields.field()) {
            case 1:
                piece.text = text(fields, "its text");
                break;
            case 2:
                piece.score = fields.f32();
                break;
            case 3: {
                const int32_t type = fields.int32();
                if (type < 1 || type > 6) {
                    fields.fail(format("its type is %d; types are 1 to 6", type));
                }
                piece.type = static_cast<piece_type>(type);
                break;
            }
            default:
                break;
            }
        }
        if (piece.text.empty() || piece.text.size() >= max_piece_bytes || piece.text.find('\0') != std::string::npos) {
            fields.fail(format(
                "its text must have 1 to %zu bytes and no NUL, but has %zu", max_piece_bytes - 1, piece.text.size()));
        }
        if (!std::isfinite(piece.score)) {
            fields.fail("its score is not a finite number");
        }
        model_.pieces.push_back(std::move(piece));
    }

    void read_trainer(std::string_view message) {
        protobuf_reader fields(message, part("trainer_spec"));
        while (fields.next()) {
            switch (fields.field()) {
            case 3:
                read_algorithm(fields.int32());
                break;
            case 24:
                model_.treat_whitespace_as_suffix = fields.boolean();
                break;
            case 35:
                model_.byte_fallback = fields.boolean();
                break;
            case 44:
                model_.unk_surface = text(fields, "unk_surface");
                break;
            default:
                break;
            }
        }
    }

    void read_algorithm(int32_t type) {
        if (type != 1 && type != 2) {
            throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                        part(format("trainer_spec.model_type is %d", type)) +
                            (type == 3   ? " (WORD)"
                             : type == 4 ? " (CHAR)"
                                         : "") +
                            "; only 1 (UNIGRAM) and 2 (BPE) can be read");
        }
        model_.algorithm = static_cast<sentencepiece_algorithm>(type);
    }

    void read_normalizer(std::string_view message, const char * name, normalizer_spec & spec) const {
        protobuf_reader fields(message, part(name));
        while (fields.next()) {
            switch (fields.field()) {
            case 1:
                spec.name = text(fields, "name");
                break;
            case 2:
                spec.precompiled_charsmap = std::string(fields.bytes());
                break;
            case 3:
                spec.add_dummy_prefix = fields.boolean();
                break;
            case 4:
                spec.remove_extra_whitespaces = fields.boolean();
                break;
            case 5:
                spec.escape_whitespaces = fields.boolean();
                break;
            default:
                break;
            }
        }
    }

    // As sentencepiece's ModelInterface::InitializePieces.
    void check() {
        if (model_.pieces.empty()) {
            fail("holds no pieces; this is not a SentencePiece model, or it is damaged");
        }
        if (model_.byte_fallback) {
            model_.byte_ids.assign(256, -1);
        }
        std::unordered_set<std::string_view> texts;
        std::unordered_set<std::string_view> reserved_texts;
        bool                                 has_text = false;
        for (size_t id = 0; id < model_.pieces.size(); ++id) {
            const sentencepiece & piece = model_.pieces[id];
            const bool is_text          = piece.type == piece_type::normal || piece.type == piece_type::user_defined ||
                                 piece.type == piece_type::unused;
            // A Unigram model may have a control piece and a normal one of the same text; a BPE model may not.
            const bool separate = model_.algorithm == sentencepiece_algorithm::unigram && !is_text;
            if (!(separate ? reserved_texts : texts).insert(piece.text).second) {
                fail(format("piece %zu, \"%s\", occurs twice", id, printable(piece.text).c_str()));
            }
            has_text = has_text || is_text;
            check_type(static_cast<int32_t>(id), piece);
        }
        if (!has_text) {
            fail("holds no piece of text, only special ones");
        }
        if (model_.unk_id < 0 && !model_.byte_fallback) {
            fail("has no unknown piece");
        }
        for (size_t byte = 0; byte < model_.byte_ids.size(); ++byte) {
            if (model_.byte_ids[byte] < 0) {
                fail(format("trainer_spec.byte_fallback is on, but there is no piece <0x%02X>",
                            static_cast<unsigned>(byte)));
            }
        }
    }

    void check_type(int32_t id, const sentencepiece & piece) {
        if (piece.type == piece_type::unknown) {
            if (model_.unk_id >= 0) {
                fail(format("pieces %d and %d are both unknown pieces", model_.unk_id, id));
            }
            model_.unk_id = id;
        }
        if (piece.type == piece_type::byte) {
            const auto byte = byte_of_piece(piece.text, false);
            if (!model_.byte_fallback || !byte) {
                fail(format("piece %d, \"%s\", is of the byte type, but %s",
                            id,
                            printable(piece.text).c_str(),
                            byte ? "trainer_spec.byte_fallback is off" : "names no byte"));
            }
            model_.byte_ids[*byte] = id;
        }
    }

    const tokenizer_file & file_;
    sentencepiece_model    model_;
};

std::optional<uint8_t> hex_digit(char c, bool any_case) {
    if (c >= '0' && c <= '9') {
        return static_cast<uint8_t>(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<uint8_t>(c - 'A' + 10);
    }
    if (any_case && c >= 'a' && c <= 'f') {
        return static_cast<uint8_t>(c - 'a' + 10);
    }
    return std::nullopt;
}

}  // namespace

sentencepiece_model read_sentencepiece(const tokenizer_file & file) {
    return model_reader(file).read();
}

std::optional<uint8_t> byte_of_piece(std::string_view piece, bool any_case) {
    if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') {
        return std::nullopt;
    }
    const auto high = hex_digit(piece[3], any_case);
    const auto low  = hex_digit(piece[4], any_case);
    if (!high || !low) {
        return std::nullopt;
    }
    return static_cast<uint8_t>(*high * 16 + *low);
}

std::string replace_word_marks(std::string_view piece) {
    std::string text;
    while (!piece.empty()) {
        const size_t mark = piece.find(word_mark);
        text.append(piece.substr(0, mark));
        if (mark == std::string_view::npos) {
            break;
        }
        text.push_back(' ');
        piece.remove_prefix(mark + word_mark.size());
    }
    return text;
}

}  // namespace kstt
