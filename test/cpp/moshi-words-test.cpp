// The messages of Kyutai's server: every consequence that spec 6.3 lists, worked out by hand.
#include "check.h"
#include "published-pieces.h"
#include "session/moshi-words.h"

#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace kstt;

constexpr int32_t boundary = 0;
constexpr int32_t pad      = 3;
constexpr int32_t the      = 265;   // "_the"
constexpr int32_t mister   = 1519;  // "_Mr"
constexpr int32_t dot      = 263;   // "."

piece_decoder published_decoder() {
    return piece_decoder::read({ tokenizer_kind::tokenizer_json, "tokenizer.json", published_tokenizer().dump() });
}

// "Word 0.32 the" and "End 0.48", in order.
std::vector<std::string> messages_of(const std::vector<int32_t> & tokens, int32_t delay_steps) {
    const piece_decoder        decoder = published_decoder();
    moshi_words                words(&decoder, 12.5, delay_steps, boundary, pad);
    std::vector<moshi_message> out;
    for (size_t i = 0; i < tokens.size(); i++) {
        words.push(static_cast<int64_t>(i) + 1, tokens[i], out);
    }
    std::vector<std::string> result;
    result.reserve(out.size());
    for (const moshi_message & each : out) {
        result.push_back(each.is_end ? format("End %.2f", each.time)
                                     : format("Word %.2f %s", each.time, each.text.c_str()));
    }
    return result;
}

void check_messages(const std::vector<std::string> & found, const std::vector<std::string> & expected, int line) {
    check_equal(found.size(), expected.size(), "number of messages", __FILE__, line);
    for (size_t i = 0; i < found.size() && i < expected.size(); i++) {
        check_equal(found[i], expected[i], "message", __FILE__, line);
    }
}

#define CHECK_MESSAGES(found, ...) check_messages((found), (std::vector<std::string> __VA_ARGS__), __LINE__)

void test_grammar() {
    // With a delay of 2 steps, a boundary at step n (1-based) is at (n - 2) / 12.5 s.
    // (1), (7): a pad closes the text of a word, the next boundary its time; Word and EndWord in one step, in order.
    CHECK_MESSAGES(messages_of({ pad, boundary, mister, dot, pad, boundary, the, boundary }, 2),
                   { "Word 0.00 Mr.", "End 0.32", "Word 0.32 the", "End 0.48" });
    // (2): a pad inside a word makes two words with the same start, and one end.
    CHECK_MESSAGES(messages_of({ pad, boundary, mister, pad, dot, pad, boundary }, 2),
                   { "Word 0.00 Mr", "Word 0.00 .", "End 0.40" });
    // (3): no end of the last word; none of its text either before a boundary or pad follows.
    CHECK_MESSAGES(messages_of({ pad, boundary, mister, dot, pad, pad }, 2), { "Word 0.00 Mr." });
    CHECK_MESSAGES(messages_of({ pad, boundary, mister, dot }, 2), {});
    // (4): ids 1 and 2 are part of a word; without text it is empty.
    CHECK_MESSAGES(messages_of({ pad, boundary, 1, pad, 2, mister, pad }, 2), { "Word 0.00 ", "Word 0.00 Mr" });
    // (6): two words that share a boundary are one message.
    CHECK_MESSAGES(messages_of({ pad, boundary, mister, dot, the, boundary }, 2), { "Word 0.00 Mr. the", "End 0.32" });
    // Two boundaries: the later one is the start; no end without a word.
    CHECK_MESSAGES(messages_of({ pad, boundary, boundary, the, boundary }, 2), { "Word 0.08 the", "End 0.24" });
}

void test_delay() {
    // Before step d tokens are ignored completely: a boundary, too, and the first piece of a word.
    CHECK_MESSAGES(messages_of({ boundary, mister, dot, pad, boundary, the, pad }, 3),
                   { "Word 0.00 .", "End 0.16", "Word 0.16 the" });
    CHECK_MESSAGES(messages_of({ boundary, the, pad }, 6), {});
}

// Spec 14.1, first row, as the server would send it with the delay of its TOML: the first 0 is the 51st token.
void test_published_row() {
    const std::vector<std::string> messages = messages_of(published_tokens(published_rows()[0]), 32);
    CHECK_EQUAL(messages.front(), std::string("Word 1.52 Mr."));     // (51 - 32) / 12.5
    CHECK_EQUAL(messages[1], std::string("End 1.92"));               // its successor's 0 comes five steps later
    CHECK_EQUAL(messages.back(), std::string("Word 5.92 gospel."));  // the last 0 is the 106th token
    size_t n_words = 0;
    for (const std::string & message : messages) {
        n_words += message[0] == 'W' ? 1 : 0;
    }
    CHECK_EQUAL(n_words, 17U);
    CHECK_EQUAL(messages.size(), 33U);  // the last one has no end
}

void test_reset() {
    const piece_decoder        decoder = published_decoder();
    moshi_words                words(&decoder, 12.5, 0, boundary, pad);
    std::vector<moshi_message> out;
    words.push(1, the, out);
    words.reset();
    words.push(1, pad, out);
    CHECK_EQUAL(out.size(), 0U);
}

}  // namespace

int main() {
    return check_run({ test_grammar, test_delay, test_published_row, test_reset });
}
