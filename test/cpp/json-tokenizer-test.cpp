// What a tokenizer.json may hold beside the fixtures of tokenizer-test: older spellings, refusals by name, damage.
#include "check.h"
#include "mutate.h"
#include "text/base64.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

namespace {

using kstt::tokenizer;
using kstt::tokenizer_file;
using nlohmann::json;

const char * const file_name = "tokenizer.json";
const std::string  mark      = "\xE2\x96\x81";  // U+2581

std::unique_ptr<tokenizer> read(const std::string & text) {
    return tokenizer::read({ kstt::tokenizer_kind::tokenizer_json, file_name, text });
}

// A Unigram vocabulary of <unk>, "▁", "a", "b", "ab", "x".
json unigram() {
    return json::parse(R"({"model":{"type":"Unigram","unk_id":0,
        "vocab":[["<unk>",0],["▁",-2],["a",-2],["b",-2],["ab",-3],["x",-2.5]]}})");
}

json bpe() {
    return json::parse(R"({"model":{"type":"BPE","unk_token":"<unk>",
        "vocab":{"<unk>":0,"▁":1,"a":2,"b":3,"ab":4,"▁ab":5},"merges":["a b",["▁","ab"]]}})");
}

json with(json file, const char * key, const char * value) {
    file[json::json_pointer(key)] = json::parse(value);
    return file;
}

std::vector<int32_t> encode(const json & file, const std::string & text) {
    return read(file.dump())->encode(text);
}

std::string decode(const json & file, const std::vector<int32_t> & ids) {
    return read(file.dump())->decode(ids.data(), ids.size(), false);
}

using ids = std::vector<int32_t>;

void test_spellings() {
    CHECK(encode(unigram(), "ab") == ids({ 4 }));
    CHECK(encode(unigram(), "azzb") == ids({ 2, 0, 3 }));  // unknown text is one token
    CHECK(encode(bpe(), "ab") == ids({ 4 }));
    CHECK(encode(bpe(), "azzb") == ids({ 2, 0, 0, 3 }));  // or not, without fuse_unk
    CHECK(encode(with(bpe(), "/model/fuse_unk", "true"), "azzb") == ids({ 2, 0, 3 }));
    CHECK(encode(with(bpe(), "/model/unk_token", "null"), "azzb") == ids({ 4 }));  // nothing is between them then
    CHECK(encode(bpe(), mark + "ab") == ids({ 5 }));

    const auto spaced = [](const char * value) { return with(unigram(), "/pre_tokenizer", value); };
    CHECK(encode(spaced(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})"), "a b") ==
          ids({ 1, 2, 1, 3 }));
    CHECK(encode(spaced(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"never"})"), "a b") ==
          ids({ 2, 1, 3 }));
    CHECK(encode(spaced(R"({"type":"Metaspace","replacement":"▁","add_prefix_space":true})"), "a") == ids({ 1, 2 }));
    CHECK(encode(spaced(R"({"type":"Metaspace","replacement":"▁","add_prefix_space":false})"), "a") == ids({ 2 }));

    const auto normalized = [](const char * value) { return with(unigram(), "/normalizer", value); };
    CHECK(encode(normalized(R"({"type":"Prepend","prepend":"x"})"), "a") == ids({ 5, 2 }));
    CHECK(encode(normalized(R"({"type":"Prepend","prepend":"x"})"), "").empty());
    CHECK(encode(normalized(R"({"type":"Strip","strip_left":true,"strip_right":false})"),
                 " \xE3\x80\x80"
                 "a ") == ids({ 2, 0 }));
    CHECK(encode(normalized(R"({"type":"Strip","strip_left":false,"strip_right":true})"), "a\xC2\xA0\n") == ids({ 2 }));
    CHECK(encode(normalized(R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":"x"})"), "a   b a") ==
          ids({ 2, 5, 3, 0, 2 }));
    CHECK(encode(
              normalized(R"({"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":"b"},"content":"a"},
        {"type":"Sequence","normalizers":[]}]})"),
              "abb") == ids({ 2, 2, 2 }));
}

void test_added_tokens() {
    json file = with(unigram(), "/pre_tokenizer", R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})");
    file["added_tokens"] =
        json::parse(R"([{"id":0,"content":"<unk>","special":true},{"id":6,"content":"<a","special":false},
        {"id":7,"content":"<ab>","special":false}])");
    // The longest one at the first place counts; a space is put only where the text begins.
    CHECK(encode(file, "a<ab>b<ab<unk>") == ids({ 1, 2, 7, 3, 6, 3, 0 }));
    CHECK(encode(file, "<ab>") == ids({ 7 }));
    CHECK_EQUAL(decode(file, { 2, 7, 99, 0 }), "a <ab> <unk>");  // without a decoder: spaces between
    const auto t = read(file.dump());
    CHECK_EQUAL(t->size(), 8);
    CHECK(t->is_special(0) && !t->is_special(7));
    const int32_t all[] = { 0, 7 };
    CHECK_EQUAL(t->decode(all, 2, true), "<ab>");
}

void test_decoders() {
    const auto decoded = [](const char * value, const ids & tokens) {
        return decode(with(unigram(), "/decoder", value), tokens);
    };
    CHECK_EQUAL(decoded(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always"})", { 1, 2, 1, 3 }), "a b");
    CHECK_EQUAL(decoded(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"never"})", { 1, 2, 1, 3 }), " a b");
    CHECK_EQUAL(decoded(R"({"type":"Metaspace","replacement":"▁","add_prefix_space":false})", { 1, 2 }), " a");
    CHECK_EQUAL(decoded(R"({"type":"Strip","content":"a","start":1,"stop":0})", { 2, 3 }), "b");
    CHECK_EQUAL(
        decoded(R"({"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":"b","start":0,"stop":1}]})",
                { 2, 3, 3 }),
        "ab");
    CHECK_EQUAL(decoded(R"({"type":"Replace","pattern":{"String":"a"},"content":""})", { 2, 4 }), "b");
}

void test_refusals() {
    const auto refuses = [](json file, const char * key, const char * value, const char * one, const char * two) {
        CHECK_THROWS(
            read(with(std::move(file), key, value).dump()), KSTT_STATUS_MODEL_UNSUPPORTED, file_name, one, two);
    };
    refuses(unigram(), "/normalizer", R"({"type":"NFKC"})", "normalizer.type is \"NFKC\"", "Precompiled");
    refuses(unigram(),
            "/normalizer",
            R"({"type":"Sequence","normalizers":[{"type":"Lowercase"}]})",
            "normalizer.normalizers[0].type",
            "Lowercase");
    refuses(unigram(),
            "/normalizer",
            R"({"type":"Replace","pattern":{"Regex":"\\s+"},"content":""})",
            "pattern.Regex",
            "\" {2,}\"");
    refuses(unigram(), "/pre_tokenizer", R"({"type":"Whitespace"})", "pre_tokenizer.type", "Metaspace");
    refuses(unigram(), "/decoder", R"({"type":"WordPiece"})", "decoder.type", "ByteFallback");
    refuses(unigram(),
            "/decoder",
            R"({"type":"Replace","pattern":{"Regex":"x"},"content":""})",
            "decoder.pattern",
            "String");
    refuses(unigram(), "/post_processor", R"({"type":"ByteLevel"})", "post_processor.type", "TemplateProcessing");
    refuses(unigram(),
            "/post_processor",
            R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}]})",
            "post_processor.single",
            "one sequence");
    refuses(unigram(), "/truncation", R"({"max_length":5})", "truncation", "null");
    refuses(unigram(), "/padding", R"({"pad_id":5})", "padding", "null");
    refuses(unigram(),
            "/added_tokens",
            R"([{"id":6,"content":"x","normalized":true}])",
            "added_tokens[0].normalized",
            "false");
    refuses(unigram(), "/added_tokens", R"([{"id":6,"content":"x","lstrip":true}])", "added_tokens[0].lstrip", "false");
    refuses(unigram(), "/model/type", "\"WordPiece\"", "model.type", "Unigram");
    refuses(bpe(), "/model/dropout", "0.1", "model.dropout", "null");
    refuses(bpe(), "/model/end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix", "null");
}

void test_bad_files() {
    const auto throws = [](json file, const char * key, const char * value, const char * one, const char * two = "") {
        CHECK_THROWS(read(with(std::move(file), key, value).dump()), KSTT_STATUS_MODEL_FORMAT, file_name, one, two);
    };
    CHECK_THROWS(read(""), KSTT_STATUS_MODEL_FORMAT, file_name, "not valid JSON");
    CHECK_THROWS(read("[]"), KSTT_STATUS_MODEL_FORMAT, file_name, "must be an object");
    throws(unigram(), "/model/unk_id", "6", "model.unk_id", "0 to 5");
    throws(unigram(), "/normalizer", "{}", "normalizer.type is missing");
    throws(unigram(),
           "/normalizer",
           R"({"type":"Precompiled","precompiled_charsmap":"a"})",
           "precompiled_charsmap",
           "base64");
    throws(unigram(),
           "/normalizer",
           R"({"type":"Precompiled","precompiled_charsmap":"YWJj"})",
           "precompiled_charsmap",
           "too few");
    throws(unigram(),
           "/normalizer",
           R"({"type":"Replace","pattern":{"String":""},"content":""})",
           "pattern.String",
           "not empty");
    throws(unigram(),
           "/decoder",
           R"({"type":"Replace","pattern":{"String":""},"content":""})",
           "pattern.String",
           "not empty");
    throws(unigram(),
           "/decoder",
           R"({"type":"Strip","content":"ab","start":1,"stop":0})",
           "decoder.content",
           "one character");
    throws(unigram(), "/decoder", R"({"type":"Strip","content":"a","start":-1,"stop":0})", "decoder.start");
    throws(unigram(), "/pre_tokenizer", R"({"type":"Metaspace","replacement":""})", "replacement", "one character");
    throws(unigram(),
           "/pre_tokenizer",
           R"({"type":"Metaspace","replacement":"_","prepend_scheme":"no"})",
           "prepend_scheme",
           "never");
    throws(bpe(), "/model/unk_token", "\"none\"", "model.unk_token", "of the vocabulary");
    throws(bpe(), "/model/merges", "[\"a c\"]", "model.merges[0]", "of the vocabulary");
    throws(bpe(), "/model/merges", "[\"a\"]", "model.merges[0]", "space between");
    throws(bpe(), "/model/merges", "[[\"a\"]]", "model.merges[0]", "more than 1");
    throws(bpe(), "/model/merges", "{}", "model.merges must be an array");
    const auto t = read(with(unigram(), "/model/unk_id", "null").dump());
    CHECK(t->encode("a") == ids({ 2 }));
    CHECK_THROWS(t->encode("z"), KSTT_STATUS_MODEL_FORMAT, file_name, "unk_id");
}

void test_base64() {
    CHECK_EQUAL(kstt::decode_base64("").value_or("none"), "");
    CHECK_EQUAL(kstt::decode_base64("YQ==").value_or("none"), "a");
    CHECK_EQUAL(kstt::decode_base64("YWI=").value_or("none"), "ab");
    CHECK_EQUAL(kstt::decode_base64("YWJj/+8=").value_or("none"), "abc\xFF\xEF");
    for (const char * bad : { "a", "ab", "abc", "====", "a===", "YQ==YQ==", "YW I", "Y\xC3\xA9=" }) {
        CHECK(!kstt::decode_base64(bad));
    }
}

void test_mutations() {
    std::ifstream     stream(KSTT_SOURCE_DIR "/test/fuzz/corpus/tokenizer-json/unigram", std::ios::binary);
    const std::string seed_file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    CHECK(!seed_file.empty());
    int n_known = 0;
    int n_read  = 0;
    for (unsigned seed = 0; seed < 1000; ++seed) {
        try {
            const auto           t = read(mutate(seed % 2 == 0 ? seed_file : bpe().dump(), seed));
            std::vector<int32_t> all(static_cast<size_t>(t->size()) % 5000 + 4);
            std::iota(all.begin(), all.end(), -2);
            CHECK(kstt::is_utf8(t->decode(all.data(), all.size(), false)));
            ++n_read;
            for (const int32_t id : t->encode("the cat  e\xCC\x81 ab\xFF <pad>")) {
                CHECK(id >= 0 && id < t->size());
            }
            ++n_known;
        } catch (const kstt::error & e) {
            n_known += e.status() == KSTT_STATUS_MODEL_FORMAT || e.status() == KSTT_STATUS_MODEL_UNSUPPORTED ? 1 : 0;
            CHECK(kstt::is_utf8(e.what()));
        }
    }
    CHECK_EQUAL(n_known, 1000);
    CHECK(n_read > 50);
}

}  // namespace

int main() {
    return check_run({ test_spellings,
                       test_added_tokens,
                       test_decoders,
                       test_refusals,
                       test_bad_files,
                       test_base64,
                       test_mutations });
}
