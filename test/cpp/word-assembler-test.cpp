#include "check.h"
#include "published-pieces.h"
#include "session/word-assembler.h"

#include <cmath>
#include <cstdint>

namespace {

using kstt::piece_decoder;
using kstt::timeline;
using kstt::word;
using kstt::word_assembler;

constexpr int32_t boundary = 0;
constexpr int32_t pad      = 3;

// Pieces of the published vocabulary used below.
constexpr int32_t lone_mark = 260;   // "_"
constexpr int32_t the       = 265;   // "_the"
constexpr int32_t mister    = 1519;  // "_Mr"
constexpr int32_t dot       = 263;   // "."
constexpr int32_t middle    = 1621;  // "middle"

const piece_decoder & decoder() {
    static const piece_decoder read =
        piece_decoder::read({ kstt::tokenizer_kind::tokenizer_json, "tokenizer.json", published_tokenizer().dump() });
    return read;
}

bool near(double a, double b) {
    return std::abs(a - b) < 1e-9;
}

// Steps of so many per second, and what is taken off their times.
struct test_clock {
    double  steps_per_second = 12.5;
    double  delay_seconds    = 0.0;
    double  prefix_seconds   = 0.0;
    int32_t boundary_id      = boundary;
    int32_t pad_id           = pad;
};

constexpr int32_t rate = 24000;

timeline line_of(const test_clock & clock, double duration) {
    timeline   line(rate, static_cast<int32_t>(std::lround(rate / clock.steps_per_second)), clock.delay_seconds);
    const auto prefix = static_cast<int64_t>(std::lround(clock.prefix_seconds * rate));
    line.silence_from(0, 0.0);
    line.audio_from(prefix, 0.0);
    line.silence_from(prefix + static_cast<int64_t>(std::lround(duration * rate)), duration);
    return line;
}

std::vector<word> assemble(const std::vector<int32_t> & tokens, const test_clock & clock, double duration) {
    const timeline    line = line_of(clock, duration);
    word_assembler    assembler(&decoder(), &line, nullptr, clock.boundary_id, clock.pad_id);
    std::vector<word> words;
    for (size_t step = 0; step < tokens.size(); ++step) {
        assembler.push(static_cast<int64_t>(step), tokens[step], 1.0F, words);
    }
    assembler.finish(static_cast<int64_t>(tokens.size()), words);
    return words;
}

// Steps at 10 Hz without delay: step s is at s / 10.
const test_clock simple_clock = { 10.0, 0.0, 0.0, boundary, pad };

void check_words(const std::vector<word> & words, const std::vector<word> & expected, int line) {
    check_equal(words.size(), expected.size(), "number of words", __FILE__, line);
    for (size_t i = 0; i < words.size() && i < expected.size(); ++i) {
        check_equal(words[i].text, expected[i].text, "text", __FILE__, line);
        check_result(near(words[i].start, expected[i].start), __FILE__, line, "start " + check_text(words[i].start));
        check_result(near(words[i].end, expected[i].end), __FILE__, line, "end " + check_text(words[i].end));
    }
}

#define CHECK_WORDS(words, ...) check_words((words), (std::vector<word> __VA_ARGS__), __LINE__)

// Spec 14.1, and the worked example of 6.4: the first 0 stands at output 51 = transformers' step 50, which, with
// audio_window_size 1, consumed frame 48. Canonical step s consumes frame s - 1, so it is step 49: 0.42 s.
void test_published_rows() {
    const test_clock clock = { 12.5, 2.5, 1.0, boundary, pad };
    for (const published_row & row : published_rows()) {
        std::vector<int32_t> tokens = published_tokens(row);
        tokens.erase(tokens.begin());
        const std::vector<word>        words    = assemble(tokens, clock, 1000.0);
        const std::vector<std::string> expected = split_words(row.text);
        CHECK_EQUAL(words.size(), expected.size());
        double before = 0.0;
        for (size_t i = 0; i < words.size() && i < expected.size(); ++i) {
            CHECK_EQUAL(words[i].text, expected[i]);
            CHECK(words[i].start >= before && words[i].end > words[i].start);
            before = words[i].end;
        }
    }
    std::vector<int32_t> tokens = published_tokens(published_rows()[0]);
    tokens.erase(tokens.begin());
    const std::vector<word> words = assemble(tokens, clock, 5.855);
    CHECK(near(words[0].start, 0.42));
    CHECK(near(words[0].end, 0.82));  // the 0 of "Quilter" comes five steps later
    CHECK(near(words[1].start, 0.82));
    CHECK(near(words.back().end - words.back().start, 6 * 0.08));  // "gospel.": 0 and five pieces, then silence
}

void test_times() {
    CHECK_WORDS(assemble({ pad, boundary, mister, dot, pad, boundary, the, boundary }, simple_clock, 9.0),
                { { "Mr.", 0.1, 0.5, 0 }, { "the", 0.5, 0.7, 0 } });
    // Prefix and delay are subtracted, nothing gets negative.
    const test_clock late = { 10.0, 0.2, 0.1, boundary, pad };
    CHECK_WORDS(assemble({ boundary, the, boundary, the, pad, boundary, the }, late, 9.0),
                { { "the", 0.0, 0.0, 0 }, { "the", 0.0, 0.2, 0 }, { "the", 0.2, 0.4, 0 } });
    // The last word is cut to the audio.
    CHECK_WORDS(assemble({ boundary, the, boundary, mister, dot }, simple_clock, 0.3),
                { { "the", 0.0, 0.2, 0 }, { "Mr.", 0.2, 0.3, 0 } });
    CHECK_WORDS(assemble({ pad, pad, pad, pad, pad, boundary, the }, simple_clock, 0.3), { { "the", 0.3, 0.3, 0 } });
}

void test_silence() {
    // One second of pads is a pause inside the word's time; more than that ends the word at its last piece.
    std::vector<int32_t> tokens = { boundary, the };
    tokens.insert(tokens.end(), 10, pad);
    tokens.push_back(boundary);
    tokens.push_back(mister);
    CHECK_WORDS(assemble(tokens, simple_clock, 9.0), { { "the", 0.0, 1.2, 0 }, { "Mr", 1.2, 1.4, 0 } });
    tokens.insert(tokens.begin() + 2, pad);
    CHECK_WORDS(assemble(tokens, simple_clock, 9.0), { { "the", 0.0, 0.2, 0 }, { "Mr", 1.3, 1.5, 0 } });

    // It comes out as soon as that is known, and once.
    const timeline    line = line_of(simple_clock, 9.0);
    word_assembler    assembler(&decoder(), &line, nullptr, boundary, pad);
    std::vector<word> words;
    assembler.push(0, boundary, 1.0F, words);
    assembler.push(1, the, 1.0F, words);
    for (int64_t step = 2; step <= 11; ++step) {
        assembler.push(step, pad, 1.0F, words);
        CHECK_EQUAL(words.size(), 0U);
    }
    assembler.push(12, pad, 1.0F, words);
    CHECK_EQUAL(words.size(), 1U);
    for (int64_t step = 13; step < 40; ++step) {
        assembler.push(step, pad, 1.0F, words);
    }
    assembler.finish(40, words);
    CHECK_EQUAL(words.size(), 1U);
}

void test_missing_boundaries() {
    // As "roast beef": the second word is known by its mark, and starts a step before its first piece.
    CHECK_WORDS(assemble({ boundary, lone_mark, middle, the, pad, boundary }, simple_clock, 9.0),
                { { "middle", 0.0, 0.2, 0 }, { "the", 0.2, 0.5, 0 } });
    // A lone mark in the middle of a group opens a word as well.
    CHECK_WORDS(assemble({ boundary, the, lone_mark, middle, boundary }, simple_clock, 9.0),
                { { "the", 0.0, 0.1, 0 }, { "middle", 0.1, 0.4, 0 } });
    // A mark before a piece with a mark makes no empty word.
    CHECK_WORDS(assemble({ boundary, lone_mark, the, boundary }, simple_clock, 9.0), { { "the", 0.0, 0.3, 0 } });
    // No boundary at all, from the first step on.
    CHECK_WORDS(assemble({ the, mister, dot, pad }, simple_clock, 9.0),
                { { "the", 0.0, 0.0, 0 }, { "Mr.", 0.0, 0.3, 0 } });
    // A pad inside a word does not split it.
    CHECK_WORDS(assemble({ boundary, mister, pad, pad, dot, boundary }, simple_clock, 9.0), { { "Mr.", 0.0, 0.5, 0 } });
    // Two boundaries: the later one counts. A boundary without pieces is no word.
    CHECK_WORDS(assemble({ boundary, boundary, pad, the, boundary, boundary }, simple_clock, 9.0),
                { { "the", 0.1, 0.4, 0 } });
    CHECK_WORDS(assemble({ boundary, lone_mark, pad, boundary, pad }, simple_clock, 9.0), {});
    CHECK_WORDS(assemble({}, simple_clock, 0.0), {});
    CHECK_WORDS(assemble(std::vector<int32_t>(5000, pad), simple_clock, 500.0), {});
}

void test_control_ids() {
    // Control ids and ids outside the vocabulary never become text, and count as silence.
    CHECK_WORDS(assemble({ boundary, 1, mister, 2, 4000, 48000, -1, dot, 1, 2, boundary }, simple_clock, 9.0),
                { { "Mr.", 0.0, 1.0, 0 } });
    CHECK_WORDS(assemble({ 1, 2, 1, 2, 4000 }, simple_clock, 9.0), {});
    // Another pad id, as the config may say.
    const test_clock other = { 10.0, 0.0, 0.0, boundary, middle };
    CHECK_WORDS(assemble({ boundary, the, middle, middle, boundary }, other, 9.0), { { "the", 0.0, 0.4, 0 } });
}

void test_confidence() {
    const auto confidence = [](const std::vector<float> & probabilities) {
        const timeline    line = line_of(simple_clock, 9.0);
        word_assembler    assembler(&decoder(), &line, nullptr, boundary, pad);
        std::vector<word> words;
        assembler.push(0, boundary, 0.001F, words);  // of the boundary: not part of the word
        int64_t step = 1;
        for (const float probability : probabilities) {
            assembler.push(step++, middle, probability, words);
        }
        assembler.finish(step, words);
        return words.at(0).confidence;
    };
    CHECK(near(confidence({ 0.5F }), 0.5));
    CHECK(std::abs(confidence({ 0.9F, 0.4F }) - 0.6F) < 1e-6F);
    CHECK(std::abs(confidence({ 1.0F, 0.125F, 1.0F }) - 0.5F) < 1e-6F);
    CHECK(confidence({ 0.0F, 1.0F }) < 1e-6F && confidence({ 0.0F }) >= 0.0F);
    CHECK_EQUAL(confidence({ 2.0F }), 1.0F);
    CHECK(!std::isnan(confidence({ std::nanf("") })));
}

void test_partial() {
    const timeline    line = line_of(simple_clock, 9.0);
    word_assembler    assembler(&decoder(), &line, nullptr, boundary, pad);
    std::vector<word> words;
    word              open;
    assembler.push(0, boundary, 1.0F, words);
    CHECK(!assembler.partial(open));
    assembler.push(1, mister, 0.5F, words);
    CHECK(assembler.partial(open) && open.text == "Mr" && near(open.start, 0.0) && near(open.end, 0.2));
    CHECK(near(open.confidence, 0.5));
    assembler.push(2, pad, 1.0F, words);
    CHECK(!assembler.partial(open));  // nothing new
    assembler.push(3, dot, 0.5F, words);
    CHECK(assembler.partial(open) && open.text == "Mr." && near(open.end, 0.4));
    assembler.push(4, the, 1.0F, words);
    CHECK_WORDS(words, { { "Mr.", 0.0, 0.3, 0 } });
    CHECK(assembler.partial(open) && open.text == "the" && near(open.start, 0.3));
    assembler.push(5, boundary, 1.0F, words);
    CHECK(!assembler.partial(open));
    // A lone mark is no text yet.
    assembler.push(6, lone_mark, 1.0F, words);
    CHECK(!assembler.partial(open));
    assembler.push(7, middle, 1.0F, words);
    CHECK(assembler.partial(open) && open.text == "middle" && near(open.start, 0.5));
}

// A character whose bytes come one token at a time: no view of the word ever shows a part of it.
void test_split_characters() {
    const nlohmann::json vocabulary = nlohmann::json::parse(
        R"({"model":{"vocab":[["<unk>",0],["<s>",0],["</s>",0],["<pad>",0],["\u2581",0],["<0xF0>",0],["<0x9F>",0],
            ["<0x98>",0],["<0x80>",0],["a",0]]}})");
    const piece_decoder bytes =
        piece_decoder::read({ kstt::tokenizer_kind::tokenizer_json, "tokenizer.json", vocabulary.dump() });
    const timeline    line = line_of(simple_clock, 9.0);
    word_assembler    assembler(&bytes, &line, nullptr, boundary, pad);
    std::vector<word> words;
    word              open;
    int64_t           step = 0;
    for (const int32_t token : { 4, 9, 5, 6, pad, 7 }) {
        assembler.push(step++, token, 1.0F, words);
        CHECK(!assembler.partial(open) || open.text == "a");
    }
    assembler.push(step++, 8, 1.0F, words);
    CHECK(assembler.partial(open) && open.text == "a\xF0\x9F\x98\x80");
    assembler.push(step++, boundary, 1.0F, words);
    // One that never gets whole is shown as such once the word is over.
    for (const int32_t token : { 9, 5, 6 }) {
        assembler.push(step++, token, 1.0F, words);
        CHECK(assembler.partial(open) && open.text == "a");
    }
    assembler.finish(step, words);
    CHECK_EQUAL(words.size(), 2U);
    CHECK_EQUAL(words[0].text, "a\xF0\x9F\x98\x80");
    CHECK_EQUAL(words[1].text, "a\xEF\xBF\xBD");
}

void test_state() {
    timeline          line = line_of(simple_clock, 9.0);
    word_assembler    assembler(&decoder(), &line, nullptr, boundary, pad);
    std::vector<word> words;
    assembler.push(5, the, 1.0F, words);
    CHECK_THROWS(assembler.push(5, the, 1.0F, words), KSTT_STATUS_INTERNAL, "word-assembler.cpp");
    assembler.reset();
    assembler.finish(0, words);
    CHECK_EQUAL(words.size(), 0U);

    // After finish and reset a second stream is as the first.
    for (int round = 0; round < 2; ++round) {
        words.clear();
        assembler.reset();
        assembler.push(0, boundary, 1.0F, words);
        assembler.push(1, the, 1.0F, words);
        assembler.finish(2, words);
        CHECK_WORDS(words, { { "the", 0.0, 0.2, 0 } });
    }
    // The audio's end bounds the words of the silence fed behind it too.
    assembler.reset();
    words.clear();
    line = line_of(simple_clock, 0.25);
    for (int64_t step = 0; step < 6; ++step) {
        assembler.push(step, step % 2 == 0 ? boundary : the, 1.0F, words);
    }
    CHECK_WORDS(words, { { "the", 0.0, 0.2, 0 }, { "the", 0.2, 0.25, 0 } });
}

}  // namespace

int main() {
    return check_run({ test_published_rows,
                       test_times,
                       test_silence,
                       test_missing_boundaries,
                       test_control_ids,
                       test_confidence,
                       test_partial,
                       test_split_characters,
                       test_state });
}
