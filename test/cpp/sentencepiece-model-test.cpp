#include "check.h"
#include "mutate.h"
#include "protobuf-bytes.h"
#include "text/piece-decoder.h"
#include "text/sentencepiece-model.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <numeric>

namespace {

using kstt::tokenizer;
using kstt::tokenizer_file;
using kstt::tokenizer_kind;

const char * const file_name = "spm.model";

tokenizer_file file_of(const std::string & bytes) {
    return { tokenizer_kind::sentencepiece, file_name, bytes };
}

std::string all_bytes(int skipped = -1) {
    std::string pieces;
    for (int byte = 0; byte < 256; ++byte) {
        if (byte != skipped) {
            pieces += model_piece(kstt::format("<0x%02X>", static_cast<unsigned>(byte)), 6, 0.0F);
        }
    }
    return pieces;
}

std::string with_normalizer(const std::string & fields) {
    return small_model() + protobuf_bytes(3, fields);
}

void test_small_models() {
    for (const int type : { 1, 2 }) {
        const auto t = tokenizer::read(file_of(small_model(type)));
        CHECK_EQUAL(t->size(), 3);
        CHECK_EQUAL(t->piece(1),
                    "\xE2\x96\x81"
                    "a");
        if (type == 1) {
            CHECK(t->encode("ab") == std::vector<int32_t>({ 1, 2 }));
        }
        const int32_t ids[] = { 1, 2 };
        CHECK_EQUAL(t->decode(ids, 2, false), "ab");
    }
    // Fields that this reader does not know, of every wire type, are skipped.
    const std::string unknown = protobuf_integer(300, -1) + protobuf_bytes(301, "x") + protobuf_float(302, 1.0F) +
                                protobuf_key(303, 1) + std::string(8, 'x');
    CHECK_EQUAL(tokenizer::read(file_of(unknown + small_model() + unknown))->size(), 3);
    // With byte fallback no unknown piece is needed.
    const auto bytes = tokenizer::read(file_of(all_bytes() + model_piece("a") + model_trainer(1, true)));
    CHECK(bytes->encode("a\xC3\xA9") == std::vector<int32_t>({ 0xE2, 0x96, 0x81, 256, 0xC3, 0xA9 }));
    const auto pieces = kstt::piece_decoder::read(file_of(all_bytes() + model_piece("a") + model_trainer(1, true)));
    CHECK_EQUAL(pieces.piece(0xC3), "\xC3");
    CHECK_EQUAL(pieces.piece(0), std::string(1, '\0'));
}

void test_bad_files() {
    const auto throws = [](const std::string & bytes, const char * one, const char * two = "") {
        CHECK_THROWS(tokenizer::read(file_of(bytes)), KSTT_STATUS_MODEL_FORMAT, file_name, one, two);
        CHECK_THROWS(kstt::read_sentencepiece(file_of(bytes)), KSTT_STATUS_MODEL_FORMAT, file_name, one, two);
    };
    const std::string good = small_model();
    throws("", "holds no pieces");
    throws("<html>", "damaged");
    throws("{\"model\": {}}", "damaged");
    throws(std::string(1, '\x0A'), "cut off in the middle of a number");
    throws(good.substr(0, 5), "a field of", "are left");
    throws(std::string("\x0A") + std::string(11, '\xFF'), "more than ten bytes");
    throws(protobuf_key(0, 0), "field number");
    throws(protobuf_key(1, 3), "wire type 3");
    throws(protobuf_bytes(1, "\xFF"), "piece 0", "cut off");
    throws(protobuf_integer(1, 5), "field 1 must be bytes");
    throws(good + protobuf_bytes(1, protobuf_integer(1, 5)), "piece 3", "field 1 must be bytes");
    throws(good + protobuf_bytes(1, protobuf_bytes(2, "x")), "piece 3", "field 2 must be a float");
    throws(good + protobuf_bytes(1, ""), "piece 3", "1 to 7999 bytes");
    throws(good + model_piece(std::string(8000, 'x')), "piece 3", "has 8000");
    throws(good + model_piece(std::string("a\0b", 3)), "piece 3", "no NUL");
    throws(good + model_piece("\xC3"), "piece 3", "not UTF-8");
    throws(good + model_piece("c", 0), "piece 3", "its type is 0");
    throws(good + model_piece("c", 7), "piece 3", "its type is 7");
    throws(good + model_piece("c", 1, std::nanf("")), "piece 3", "not a finite number");
    throws(good + model_piece("c", 1, std::numeric_limits<float>::infinity()), "piece 3", "not a finite number");
    throws(good + model_piece("b"), "piece 3, \"b\", occurs twice");
    throws(small_model(2) + model_piece("b", 3), "occurs twice");
    CHECK_EQUAL(tokenizer::read(file_of(good + model_piece("b", 3)))->size(), 4);  // a Unigram model may have both
    throws(good + model_piece("<u>", 2), "pieces 0 and 3 are both unknown");
    throws(model_piece("a"), "no unknown piece");
    throws(model_piece("<unk>", 2), "no piece of text");
    throws(good + model_piece("<0x41>", 6), "byte_fallback is off");
    throws(good + all_bytes() + model_piece("<0x4>", 6) + model_trainer(1, true), "names no byte");
    throws(good + all_bytes(0x80) + model_trainer(1, true), "no piece <0x80>");
    throws(good + protobuf_bytes(2, protobuf_bytes(44, "\xFF")), "trainer_spec", "unk_surface is not UTF-8");
    for (const int type : { 3, 4, 9 }) {
        CHECK_THROWS(
            tokenizer::read(file_of(small_model(type))), KSTT_STATUS_MODEL_UNSUPPORTED, file_name, "model_type");
    }
}

std::string u32_bytes(std::initializer_list<uint32_t> values) {
    std::string bytes;
    for (const uint32_t value : values) {
        for (unsigned i = 0; i < 4; ++i) {
            bytes.push_back(static_cast<char>(value >> (8 * i)));
        }
    }
    return bytes;
}

// A trie of `n` units, the first ones given, that maps "a" (or nothing).
std::string map_bytes(std::initializer_list<uint32_t> units, size_t n, const std::string & replacements) {
    std::string trie = u32_bytes(units);
    trie.resize(n * 4);
    return u32_bytes({ static_cast<uint32_t>(trie.size()) }) + trie + replacements;
}

void test_character_maps() {
    // Darts-clone: the root leads to block 1 (offset 256), whose unit 'a' leads to its leaf at the same offset.
    const uint32_t    to_next = 1U << 10U | 1U << 9U;  // offset 1 << 8
    const std::string text    = "x\xC3\xA9";
    std::string       trie    = u32_bytes({ to_next });
    trie.resize(768 * 4);
    const auto put = [&](size_t at, uint32_t value) { trie.replace(at * 4, 4, u32_bytes({ value })); };
    put(256 + 'a', (uint32_t{ 256 } << 10U) | 1U << 8U | 'a');  // has a leaf; its children at (256 + 'a') ^ 256 = 'a'
    put('a', 1U << 31U | 0U);                                   // the leaf: the replacement at 0
    const std::string map = u32_bytes({ static_cast<uint32_t>(trie.size()) }) + trie + text + std::string(1, '\0');
    const auto        t   = tokenizer::read(file_of(with_normalizer(protobuf_bytes(2, map)) + model_piece("x") +
                                           model_piece("\xC3\xA9") + model_piece("\xE2\x96\x81")));
    CHECK(t->encode("a") == std::vector<int32_t>({ 5, 3, 4 }));
    CHECK(t->encode("ba") == std::vector<int32_t>({ 5, 2, 3, 4 }));

    const auto throws = [](const std::string & bytes, const char * one) {
        CHECK_THROWS(tokenizer::read(file_of(with_normalizer(protobuf_bytes(2, bytes)))),
                     KSTT_STATUS_MODEL_FORMAT,
                     file_name,
                     "normalizer_spec.precompiled_charsmap",
                     one);
    };
    throws("abc", "3 bytes, too few");
    throws(u32_bytes({ 1024 }) + "x", "trie cannot have 1024");
    throws(u32_bytes({ 4096, 0 }), "trie cannot have 4096");
    throws(map_bytes({ to_next }, 257, "x"), "trie cannot have 1028");
    throws(map_bytes({ to_next }, 256, "x"), "unit 0");
    throws(map_bytes({ 1U << 31U }, 512, "x"), "unit 0");
    throws(map_bytes({ to_next, 1U << 31U | 5U }, 512, "x"), "unit 1");
    throws(map_bytes({ to_next, 1U << 31U | 1U }, 512, "\xC3\xA9"), "unit 1");         // inside a character
    throws(map_bytes({ to_next, (uint32_t{ 1 } << 20U) | 'a' }, 512, "x"), "unit 1");  // leads outside
    throws(map_bytes({ to_next, 1U << 8U | 'a' }, 512, "x"), "unit 1");                // its leaf is none
    throws(map_bytes({ to_next }, 512, "\xFF"), "not UTF-8");
}

// Whatever happens to a file, it is read or refused, and what is read works.
void test_mutations() {
    std::ifstream     stream(KSTT_SOURCE_DIR "/test/fixtures/tokenizer/bpe-rules.model", std::ios::binary);
    const std::string fixture((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    CHECK(!fixture.empty());
    int n_known = 0;
    int n_read  = 0;
    for (unsigned seed = 0; seed < 1500; ++seed) {
        try {
            const auto           t = tokenizer::read(file_of(mutate(seed % 2 == 0 ? fixture : small_model(), seed)));
            std::vector<int32_t> ids(static_cast<size_t>(t->size()) + 4);
            std::iota(ids.begin(), ids.end(), -2);
            CHECK(kstt::is_utf8(t->decode(ids.data(), ids.size(), false)));
            for (const int32_t id : t->encode("the cat  \xC3\xA9 @@ \xFF q")) {
                CHECK(id >= 0 && id < t->size());
            }
            ++n_read;
            ++n_known;
        } catch (const kstt::error & e) {
            n_known += e.status() == KSTT_STATUS_MODEL_FORMAT || e.status() == KSTT_STATUS_MODEL_UNSUPPORTED ? 1 : 0;
            CHECK(kstt::is_utf8(e.what()));
        }
    }
    CHECK_EQUAL(n_known, 1500);
    CHECK(n_read > 100);
}

}  // namespace

int main() {
    return check_run({ test_small_models, test_bad_files, test_character_maps, test_mutations });
}
