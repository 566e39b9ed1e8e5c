#include "check.h"
#include "mutate.h"
#include "published-pieces.h"
#include "temp-folder.h"
#include "text/piece-decoder.h"
#include "text/utf8.h"

#include <nlohmann/json.hpp>

namespace {

using kstt::piece_decoder;
using nlohmann::json;

const char * const file_name = "tokenizer.json";
const char * const mark      = "\xE2\x96\x81";  // U+2581

std::string decode(const piece_decoder & decoder, const std::vector<int32_t> & tokens) {
    return decoder.decode(tokens.data(), tokens.size());
}

piece_decoder read_text(const std::string & text) {
    return piece_decoder::read({ kstt::tokenizer_kind::tokenizer_json, file_name, text });
}

piece_decoder read(const json & tokenizer) {
    return read_text(tokenizer.dump());
}

json unigram(const std::vector<std::string> & pieces) {
    json vocab = json::array();
    for (const std::string & piece : pieces) {
        vocab.push_back({ piece, -1.5 });
    }
    return { { "model", { { "type", "Unigram" }, { "unk_id", 0 }, { "vocab", vocab } } } };
}

json special(int32_t id, const std::string & content, bool is_special = true) {
    return { { "id", id }, { "content", content }, { "special", is_special } };
}

void test_published_rows() {
    const piece_decoder decoder = read(published_tokenizer());
    for (const published_row & row : published_rows()) {
        std::vector<int32_t> tokens = published_tokens(row);
        tokens.insert(tokens.begin(), 48000);  // BOS, outside the vocabulary
        CHECK_EQUAL(decode(decoder, tokens), row.text);
    }
    CHECK(decoder.is_special(0) && decoder.is_special(3) && !decoder.is_special(265));
    CHECK(decoder.starts_word(265) && decoder.starts_word(260));
    CHECK(!decoder.starts_word(263) && !decoder.starts_word(3));
    CHECK_EQUAL(decoder.piece(265), " the");
    CHECK_EQUAL(decoder.piece(263), ".");
    // Special, without a piece, below and beyond the vocabulary: no text.
    for (const int32_t token : { 0, 3, 4, 3999, 4000, 48000, -1, INT32_MAX, INT32_MIN }) {
        CHECK_EQUAL(decoder.piece(token), "");
        CHECK(!decoder.starts_word(token));
    }
    CHECK_EQUAL(decode(decoder, {}), "");
}

void test_both_models() {
    // The same pieces as a Unigram list and as a BPE map.
    const std::vector<std::string> pieces = {
        "<unk>", std::string(mark) + "a", "b", "<0xC3>", "<0xa9>", mark, "<0xZZ>"
    };
    json list = unigram(pieces);
    json map  = { { "model", { { "type", "BPE" }, { "vocab", json::object() }, { "merges", json::array() } } } };
    for (size_t id = 0; id < pieces.size(); ++id) {
        map["model"]["vocab"][pieces[id]] = id;
    }
    for (json tokenizer : { list, map }) {
        tokenizer["added_tokens"]   = { special(0, "<unk>"),
                                        special(8, "<extra>"),
                                        special(9, std::string(mark) + "kept", false) };
        const piece_decoder decoder = read(tokenizer);
        CHECK_EQUAL(decoder.size(), 10);
        CHECK_EQUAL(decode(decoder, { 1, 2, 0, 5, 2 }), "ab b");
        CHECK_EQUAL(decode(decoder, { 2, 3, 4 }), "b\xC3\xA9");
        CHECK_EQUAL(decode(decoder, { 2, 3, 2 }),
                    "b\xEF\xBF\xBD"
                    "b");
        CHECK_EQUAL(decode(decoder, { 6 }), "<0xZZ>");
        CHECK_EQUAL(decode(decoder, { 8, 9 }), "kept");
        CHECK_EQUAL(decode(decoder, { 5, 5, 1 }), "  a");  // one space is stripped, not all
        CHECK(decoder.is_special(8) && !decoder.is_special(9) && decoder.starts_word(9));
        CHECK_EQUAL(decoder.piece(7), "");  // a hole between vocabulary and added tokens
    }
    // Files of old versions carry no type.
    list["model"].erase("type");
    map["model"].erase("type");
    CHECK_EQUAL(decode(read(list), { 1, 2 }), "ab");
    CHECK_EQUAL(decode(read(map), { 1, 2 }), "ab");
}

void test_bad_files() {
    const temp_folder folder;
    CHECK_THROWS(kstt::read_tokenizer_file(folder.path(file_name), kstt::tokenizer_kind::tokenizer_json),
                 KSTT_STATUS_FILE_NOT_FOUND,
                 file_name);
    CHECK_THROWS(kstt::read_tokenizer_file(folder.path(), kstt::tokenizer_kind::tokenizer_json),
                 KSTT_STATUS_FILE_NOT_FOUND,
                 folder.path().c_str());

    const auto throws = [&](const std::string & text, kstt_status status, const char * one, const char * two = "") {
        CHECK_THROWS(read_text(text), status, file_name, one, two);
    };
    const kstt_status bad = KSTT_STATUS_MODEL_FORMAT;
    throws("", bad, "not valid JSON");
    throws("{\"model\"", bad, "not valid JSON");
    throws("[]", bad, "must be an object");
    throws("{}", bad, "model is missing");
    throws(R"({"model":{}})", bad, "model.vocab is missing");
    throws(R"({"model":{"vocab":7}})", bad, "model.vocab must be an object");
    throws(R"({"model":{"vocab":[]}})", bad, "at least one piece");
    throws(R"({"model":{"vocab":[["a",1],"b"]}})", bad, "model.vocab[1] must be an array");
    throws(R"({"model":{"vocab":[["a"]]}})", bad, "model.vocab[0]", "more than 1");
    throws(R"({"model":{"vocab":[["a","x"]]}})", bad, "model.vocab[0][1] must be a number");
    throws(R"({"model":{"vocab":[[1,1]]}})", bad, "model.vocab[0][0] must be a string");
    throws(R"({"model":{"vocab":{"a":-1}}})", bad, "model.vocab.a", "-1");
    throws(R"({"model":{"vocab":{"a":99999999999}}})", bad, "model.vocab.a");
    throws(R"({"model":{"vocab":{"a":0,"b":0}}})", bad, "model.vocab.b", "an id of its own");
    throws(R"({"model":{"vocab":{"a":0}},"added_tokens":{}})", bad, "added_tokens must be an array");
    throws(R"({"model":{"vocab":{"a":0}},"added_tokens":[{"content":"x"}]})", bad, "added_tokens[0].id is missing");
    throws(
        R"({"model":{"vocab":{"a":0}},"added_tokens":[{"id":4294967296,"content":"x"}]})", bad, "added_tokens[0].id");
    throws(R"({"model":{"vocab":{"a":0}},"added_tokens":[{"id":1,"content":2}]})", bad, "added_tokens[0].content");
    throws(R"({"model":{"vocab":{"a":0}},"added_tokens":[{"id":1,"content":"x","special":1}]})",
           bad,
           "added_tokens[0].special must be true or false");

    const kstt_status unsupported = KSTT_STATUS_MODEL_UNSUPPORTED;
    throws(R"({"model":{"type":"WordPiece","vocab":{"a":0}}})", unsupported, "model.type is \"WordPiece\"", "Unigram");
    throws(R"({"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0}}})", unsupported, "byte-level");
    throws(
        R"({"decoder":{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteLevel"}]},"model":{"vocab":{"a":0}}})",
        unsupported,
        "byte-level");
}

void test_utf8() {
    using kstt::utf8_incomplete_tail;
    using kstt::utf8_repair;
    const std::string bad = "\xEF\xBF\xBD";
    CHECK_EQUAL(utf8_repair(""), "");
    CHECK_EQUAL(utf8_repair("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"), "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    CHECK_EQUAL(utf8_repair("a\x80"
                            "b"),
                "a" + bad + "b");
    CHECK_EQUAL(utf8_repair("\xC0\xAF"), bad + bad);                      // overlong
    CHECK_EQUAL(utf8_repair("\xE0\x80\xAF"), bad + bad + bad);            // overlong
    CHECK_EQUAL(utf8_repair("\xED\xA0\x80"), bad + bad + bad);            // surrogate
    CHECK_EQUAL(utf8_repair("\xF4\x91\x92\x93"), bad + bad + bad + bad);  // beyond U+10FFFF
    CHECK_EQUAL(utf8_repair("\xF5"), bad);
    CHECK_EQUAL(utf8_repair("\xE2\x82"), bad);  // one replacement for a cut character
    CHECK_EQUAL(utf8_repair("\xE2\x82x"), bad + "x");
    CHECK_EQUAL(utf8_repair("\xF0\x9F\x98"), bad);
    CHECK_EQUAL(utf8_repair(std::string("a\0b", 3)), std::string("a\0b", 3));

    CHECK_EQUAL(utf8_incomplete_tail("abc"), 0U);
    CHECK_EQUAL(utf8_incomplete_tail("a\xC3"), 1U);
    CHECK_EQUAL(utf8_incomplete_tail("a\xF0\x9F\x98"), 3U);
    CHECK_EQUAL(utf8_incomplete_tail("\xF0\x9F\x98\x80"), 0U);
    CHECK_EQUAL(utf8_incomplete_tail("\xED\xA0"), 0U);  // can never become a character

    // Any cut of a text gives that text.
    const std::string text = "d\xC3\xA9j\xC3\xA0 \xE2\x82\xAC \xF0\x9F\x98\x80!";
    for (size_t chunk = 1; chunk <= text.size(); ++chunk) {
        kstt::utf8_stream stream;
        std::string       joined;
        for (size_t at = 0; at < text.size(); at += chunk) {
            const std::string part = stream.push(text.substr(at, chunk));
            CHECK_EQUAL(utf8_repair(part), part);
            joined += part;
        }
        CHECK_EQUAL(joined + stream.flush(), text);
    }
    kstt::utf8_stream stream;
    CHECK_EQUAL(stream.push("\xE2\x82"), "");
    CHECK_EQUAL(stream.flush(), bad);
    CHECK_EQUAL(stream.push("x"), "x");
}

void test_mutations() {
    json tokenizer            = unigram({ "<unk>", std::string(mark) + "a", "<0xC3>" });
    tokenizer["added_tokens"] = { special(0, "<unk>") };
    tokenizer["decoder"]      = { { "type", "Sequence" }, { "decoders", { { { "type", "Fuse" } } } } };
    const std::string valid   = tokenizer.dump();
    int               n_known = 0;
    for (unsigned seed = 0; seed < 2000; ++seed) {
        try {
            const piece_decoder decoder = read_text(mutate(valid, seed));
            for (int32_t token = -1; token <= decoder.size(); ++token) {
                const std::string text = decode(decoder, { token });
                n_known += kstt::utf8_repair(text) == text ? 0 : -1;
            }
            ++n_known;
        } catch (const kstt::error & e) {
            n_known += e.status() == KSTT_STATUS_MODEL_FORMAT || e.status() == KSTT_STATUS_MODEL_UNSUPPORTED ? 1 : 0;
        }
    }
    CHECK_EQUAL(n_known, 2000);
}

}  // namespace

int main() {
    return check_run({ test_published_rows, test_both_models, test_bad_files, test_utf8, test_mutations });
}
