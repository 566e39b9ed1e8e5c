// Vocabularies made with sentencepiece and tokenizers, and what those made of the same lines: all must be equal.
// tools/oracle/make-tokenizer-fixtures.py makes the files.
#include "check.h"
#include "text/base64.h"
#include "text/piece-decoder.h"
#include "text/sentencepiece-model.h"
#include "text/tokenizer-json.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

using kstt::sentencepiece_model;
using kstt::tokenizer;
using kstt::tokenizer_file;
using kstt::tokenizer_kind;
using nlohmann::json;

const std::string fixtures = KSTT_SOURCE_DIR "/test/fixtures/tokenizer/";

tokenizer_file read_fixture(const std::string & name) {
    const bool is_json = name.size() > 5 && name.substr(name.size() - 5) == ".json";
    return kstt::read_tokenizer_file(fixtures + name,
                                     is_json ? tokenizer_kind::tokenizer_json : tokenizer_kind::sentencepiece);
}

std::vector<int32_t> to_ids(const json & text) {
    std::istringstream   words(text.get<std::string>());
    std::vector<int32_t> ids;
    for (int32_t id = 0; words >> id;) {
        ids.push_back(id);
    }
    return ids;
}

std::string to_text(const std::vector<int32_t> & ids) {
    std::string text;
    for (const int32_t id : ids) {
        text += (text.empty() ? "" : " ") + std::to_string(id);
    }
    return text;
}

std::string decode(const tokenizer & t, const std::vector<int32_t> & ids, bool skip_special = false) {
    return t.decode(ids.data(), ids.size(), skip_special);
}

std::string flatten(const std::string & text) {
    return json(text).dump();
}

const json & expected() {
    static const json document = json::parse(std::ifstream(fixtures + "expected.json"));
    return document;
}

// What transformers' converter made of these models, stored as unigram.json and bpe.json: the same documents. (The one
// of the Unigram model was given the rules of another.)
void test_conversion_to_json() {
    for (const char * const name : { "unigram", "bpe" }) {
        const bool           is_bpe = std::string(name) == "bpe";
        const std::string    source = is_bpe ? "bpe-identity.model" : "unigram-nfkc.model";
        sentencepiece_model  model  = kstt::read_sentencepiece(read_fixture(source));
        const tokenizer_file stored = read_fixture(std::string(name) + ".json");
        const json           found  = json::parse(kstt::to_tokenizer_json(model));
        json                 wanted = json::parse(stored.bytes);
        if (!is_bpe) {
            const std::string rules =
                kstt::read_sentencepiece(read_fixture("unigram-rules.model")).normalizer.precompiled_charsmap;
            CHECK(wanted["normalizer"]["normalizers"][0]["precompiled_charsmap"] == kstt::encode_base64(rules));
            wanted["normalizer"]["normalizers"][0]["precompiled_charsmap"] =
                kstt::encode_base64(model.normalizer.precompiled_charsmap);
        }
        for (const auto & item : wanted.items()) {
            check_equal(found.at(item.key()).dump(), item.value().dump(), item.key().c_str(), __FILE__, __LINE__);
        }
        CHECK_EQUAL(found.size(), wanted.size());
        // As a tokenizer of its own: the ids of the model for texts without runs of spaces.
        const auto back  = tokenizer::read({ tokenizer_kind::tokenizer_json, "made", found.dump() });
        const auto first = tokenizer::read(read_fixture(source));
        for (const char * const text : { "the cat sat on the mat", "caf\xC3\xA9", "\xF0\x9F\x98\x80 one", "a" }) {
            CHECK_EQUAL(to_text(back->encode(text)), to_text(first->encode(text)));
        }
    }
    for (const std::string & text :
         { std::string(), std::string("a"), std::string("ab"), std::string("\0\xFF\x80", 3) }) {
        CHECK(kstt::decode_base64(kstt::encode_base64(text)) == text);
    }
    CHECK_THROWS(kstt::to_tokenizer_json(kstt::read_sentencepiece(read_fixture("bpe-rules.model"))),
                 KSTT_STATUS_MODEL_UNSUPPORTED,
                 "end of words");
    sentencepiece_model model = kstt::read_sentencepiece(read_fixture("bpe-identity.model"));
    model.pieces.back().text  = std::string(600, 'a');
    CHECK_THROWS(kstt::to_tokenizer_json(model), KSTT_STATUS_MODEL_UNSUPPORTED, "600 bytes");
    model                     = kstt::read_sentencepiece(read_fixture("unigram-nfkc.model"));
    model.pieces.back().score = INFINITY;
    CHECK_THROWS(kstt::to_tokenizer_json(model), KSTT_STATUS_MODEL_UNSUPPORTED, "no number");
}

void test_reference_results() {
    const json & lines = expected().at("lines");
    CHECK(lines.size() >= 1500);
    CHECK_EQUAL(expected().at("models").size(), 6U);
    for (const auto & [name, results] : expected().at("models").items()) {
        const auto t = tokenizer::read(read_fixture(name));
        for (size_t i = 0; i < lines.size(); ++i) {
            const std::string          line = lines[i].get<std::string>();
            const std::vector<int32_t> ids  = t->encode(line);
            const json &               text = results.at("texts")[i];
            check_equal(to_text(ids),
                        results.at("ids")[i].get<std::string>(),
                        (name + ": " + flatten(line)).c_str(),
                        __FILE__,
                        __LINE__);
            check_equal(flatten(decode(*t, ids)),
                        flatten(text.is_null() ? line : text.get<std::string>()),
                        name.c_str(),
                        __FILE__,
                        __LINE__);
        }
        for (size_t i = 0; i < results.at("any_ids").size(); ++i) {
            const std::string & text = results.at("any_texts")[i].get_ref<const std::string &>();
            check_equal(
                flatten(decode(*t, to_ids(results.at("any_ids")[i]))), flatten(text), name.c_str(), __FILE__, __LINE__);
        }
    }
}

void test_special_tokens() {
    for (const char * name : { "unigram-nfkc.model", "bpe-identity.model", "unigram.json", "bpe.json" }) {
        const auto           t    = tokenizer::read(read_fixture(name));
        std::vector<int32_t> ids  = t->encode("Mr. Quilter's cr\xC3\xA8me \xF0\x9F\x98\x80");
        const std::string    text = decode(*t, ids);
        CHECK_EQUAL(text, "Mr. Quilter's cr\xC3\xA8me \xF0\x9F\x98\x80");
        // What generate() gives: a start id outside the vocabulary, ends of words, pads.
        ids.insert(ids.begin(), { 48000, 3, 3, 0 });
        ids.insert(ids.end(), { 0, 3, 1, 2, -1, INT32_MAX, INT32_MIN });
        CHECK_EQUAL(decode(*t, ids, true), text);
        for (const int32_t id : { 0, 1, 2, 3 }) {
            CHECK(t->is_special(id));
        }
        CHECK(!t->is_special(4) && !t->is_special(-1) && !t->is_special(48000));
        CHECK_EQUAL(t->piece(3), "<pad>");
        CHECK_EQUAL(t->piece(4), "<0x00>");
        CHECK(t->piece(-1).empty() && t->piece(t->size()).empty());
    }
    CHECK_EQUAL(decode(*tokenizer::read(read_fixture("unigram.json")), { 3, 0 }), "<pad><unk>");
    CHECK_EQUAL(decode(*tokenizer::read(read_fixture("unigram-nfkc.model")), { 3, 0 }), " \xE2\x81\x87 ");
}

// How many of them go depends on the options of the model; words of a stream have none.
std::string without_leading_spaces(const std::string & text) {
    return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// A stream puts pieces together itself: the same text comes out, and each part of it is whole characters.
void test_pieces_of_a_stream() {
    size_t n_compared = 0;
    for (const auto & [name, results] : expected().at("models").items()) {
        const bool is_plain = name.find("rules") == std::string::npos;  // else: a denormalizer, or all spaces kept
        if (!is_plain) {
            continue;
        }
        const tokenizer_file file    = read_fixture(name);
        const auto           decoder = kstt::piece_decoder::read(file);
        const auto           t       = tokenizer::read(file);
        CHECK_EQUAL(decoder.size(), t->size());
        for (const json & line : expected().at("lines")) {
            const std::vector<int32_t> ids = t->encode(line.get<std::string>());
            kstt::utf8_stream          stream;
            std::string                joined;
            for (const int32_t id : ids) {
                const std::string part = stream.push(decoder.piece(id));
                CHECK(kstt::is_utf8(part));
                joined += part;
                CHECK_EQUAL(decoder.is_special(id), t->is_special(id));
            }
            joined += stream.flush();
            // The libraries show broken characters in ways of their own, which need the whole text.
            const std::string whole = decode(*t, ids, true);
            if (whole.find(kstt::utf8_replacement) == std::string::npos) {
                CHECK_EQUAL(flatten(without_leading_spaces(joined)), flatten(without_leading_spaces(whole)));
                ++n_compared;
            }
        }
    }
    CHECK(n_compared > 4 * 1300);
}

void test_any_bytes() {
    for (const auto & [name, results] : expected().at("models").items()) {
        const auto t = tokenizer::read(read_fixture(name));
        for (const char * bytes : { "\xFF", "a\xC3", "\xE2\x82 x", "\xED\xA0\x80", "\xF4\x90\x80\x80" }) {
            const std::vector<int32_t> ids = t->encode(bytes);
            CHECK(!ids.empty());
            CHECK(kstt::is_utf8(decode(*t, ids)));
        }
    }
}

}  // namespace

int main() {
    return check_run({ test_conversion_to_json,
                       test_reference_results,
                       test_special_tokens,
                       test_pieces_of_a_stream,
                       test_any_bytes });
}
