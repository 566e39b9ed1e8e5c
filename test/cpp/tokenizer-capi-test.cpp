// kstt-tokenizer.h as a caller meets it: questions of length, short buffers, NULL, files that are none.
#include "check.h"
#include "include/kstt.h"
#include "status-check.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

const char * const folder = "models/digits-en";

kstt_tokenizer * open() {
    kstt_tokenizer * tokenizer = nullptr;
    EXPECT_OK(kstt_tokenizer_create(folder, &tokenizer, &last_error));
    return tokenizer;
}

void test_create() {
    kstt_tokenizer * tokenizer = nullptr;
    EXPECT(kstt_tokenizer_create(nullptr, &tokenizer, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_tokenizer_create(folder, nullptr, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_tokenizer_create("no/such.json", &tokenizer, &last_error), KSTT_STATUS_FILE_NOT_FOUND, "no/such");
    CHECK(tokenizer == nullptr);
    const char * const json = "{}";
    EXPECT(kstt_tokenizer_create_from_memory(7, json, 2, "x", &tokenizer, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "kind");
    EXPECT(kstt_tokenizer_create_from_memory(KSTT_TOKENIZER_JSON, nullptr, 2, "x", &tokenizer, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "bytes");
    EXPECT(kstt_tokenizer_create_from_memory(KSTT_TOKENIZER_JSON, json, 2, nullptr, &tokenizer, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "name");
    EXPECT(kstt_tokenizer_create_from_memory(KSTT_TOKENIZER_JSON, json, 2, "mine.json", &tokenizer, &last_error),
           KSTT_STATUS_MODEL_FORMAT,
           "mine.json");
    EXPECT(
        kstt_tokenizer_create_from_memory(KSTT_TOKENIZER_SENTENCEPIECE, nullptr, 0, "empty", &tokenizer, &last_error),
        KSTT_STATUS_MODEL_FORMAT,
        "empty");
    CHECK(tokenizer == nullptr);
    CHECK_EQUAL(kstt_tokenizer_create(nullptr, nullptr, nullptr), KSTT_STATUS_INVALID_ARGUMENT);
}

void test_copy_of_the_file() {
    kstt_tokenizer * tokenizer = open();
    size_t           size      = 0;
    const void *     bytes     = kstt_tokenizer_file_bytes(tokenizer, &size);
    kstt_tokenizer * copy      = nullptr;
    EXPECT_OK(kstt_tokenizer_create_from_memory(
        kstt_tokenizer_kind(tokenizer), bytes, size, "copy.json", &copy, &last_error));
    CHECK_EQUAL(kstt_tokenizer_vocab_size(copy), kstt_tokenizer_vocab_size(tokenizer));
    CHECK_EQUAL(std::string(kstt_tokenizer_file_name(copy)), "copy.json");
    kstt_tokenizer_free(tokenizer);
    // The bytes were copied: the first tokenizer is gone.
    size_t n_ids = 0;
    EXPECT_OK(kstt_tokenizer_encode(copy, "one", 3, nullptr, 0, &n_ids, &last_error));
    CHECK(n_ids > 0);
    kstt_tokenizer_free(copy);
}

void test_short_buffers() {
    kstt_tokenizer *  tokenizer = open();
    const std::string text      = "one two three";
    size_t            n_ids     = 0;
    EXPECT_OK(kstt_tokenizer_encode(tokenizer, text.data(), text.size(), nullptr, 0, &n_ids, &last_error));
    CHECK(n_ids > 1);
    std::vector<int32_t> ids(n_ids, -7);
    EXPECT_OK(kstt_tokenizer_encode(tokenizer, text.data(), text.size(), ids.data(), n_ids - 1, &n_ids, &last_error));
    CHECK(ids == std::vector<int32_t>(n_ids, -7));
    EXPECT_OK(kstt_tokenizer_encode(tokenizer, text.data(), text.size(), ids.data(), ids.size(), &n_ids, &last_error));

    size_t size = 0;
    EXPECT_OK(kstt_tokenizer_decode(tokenizer, ids.data(), ids.size(), 1, nullptr, 0, &size, &last_error));
    CHECK_EQUAL(size, text.size());
    std::vector<char> out(size + 1, '#');
    // Room for the text but not for its NUL is not enough.
    EXPECT_OK(kstt_tokenizer_decode(tokenizer, ids.data(), ids.size(), 1, out.data(), size, &size, &last_error));
    CHECK(out == std::vector<char>(size + 1, '#'));
    EXPECT_OK(kstt_tokenizer_decode(tokenizer, ids.data(), ids.size(), 1, out.data(), size + 1, &size, &last_error));
    CHECK_EQUAL(std::string(out.data()), text);
    kstt_tokenizer_free(tokenizer);
}

void test_arguments() {
    kstt_tokenizer * tokenizer = open();
    int32_t          id        = 0;
    char             text      = 0;
    size_t           size      = 0;
    EXPECT(kstt_tokenizer_encode(nullptr, "a", 1, &id, 1, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(
        kstt_tokenizer_encode(tokenizer, nullptr, 1, &id, 1, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "text");
    EXPECT(
        kstt_tokenizer_encode(tokenizer, "a", 1, nullptr, 1, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "ids");
    EXPECT(
        kstt_tokenizer_encode(tokenizer, "a", 1, &id, 1, nullptr, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "n_ids");
    EXPECT(
        kstt_tokenizer_decode(nullptr, &id, 1, 0, &text, 1, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_tokenizer_decode(tokenizer, nullptr, 1, 0, &text, 1, &size, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "ids");
    EXPECT(kstt_tokenizer_decode(tokenizer, &id, 1, 0, nullptr, 1, &size, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "text");
    EXPECT(kstt_tokenizer_decode(tokenizer, &id, 1, 0, &text, 1, nullptr, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "size");
    // Nothing in, nothing out.
    EXPECT_OK(kstt_tokenizer_encode(tokenizer, nullptr, 0, nullptr, 0, &size, &last_error));
    CHECK_EQUAL(size, size_t{ 0 });
    EXPECT_OK(kstt_tokenizer_decode(tokenizer, nullptr, 0, 1, &text, 1, &size, &last_error));
    CHECK_EQUAL(size, size_t{ 0 });
    // Ids outside the vocabulary are left out.
    const int32_t strange[] = { -1, INT32_MIN, INT32_MAX, kstt_tokenizer_vocab_size(tokenizer) };
    EXPECT_OK(kstt_tokenizer_decode(tokenizer, strange, 4, 0, &text, 1, &size, &last_error));
    CHECK_EQUAL(size, size_t{ 0 });
    kstt_tokenizer_free(tokenizer);
}

void test_json() {
    kstt_tokenizer * tokenizer = open();
    size_t           size      = 0;
    EXPECT(kstt_tokenizer_to_json(nullptr, nullptr, 0, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_tokenizer_to_json(tokenizer, nullptr, 1, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "text");
    EXPECT(kstt_tokenizer_to_json(tokenizer, nullptr, 0, nullptr, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "size");
    EXPECT_OK(kstt_tokenizer_to_json(tokenizer, nullptr, 0, &size, &last_error));
    size_t       n_bytes = 0;
    const void * bytes   = kstt_tokenizer_file_bytes(tokenizer, &n_bytes);
    CHECK_EQUAL(size, n_bytes);
    std::vector<char> text(size + 1, '#');
    EXPECT_OK(kstt_tokenizer_to_json(tokenizer, text.data(), size, &size, &last_error));
    CHECK(text == std::vector<char>(size + 1, '#'));
    EXPECT_OK(kstt_tokenizer_to_json(tokenizer, text.data(), size + 1, &size, &last_error));
    CHECK(std::memcmp(text.data(), bytes, size) == 0 && text.back() == '\0');
    kstt_tokenizer_free(tokenizer);
    EXPECT_OK(kstt_tokenizer_create("test/fixtures/tokenizer/bpe-rules.model", &tokenizer, &last_error));
    EXPECT(kstt_tokenizer_to_json(tokenizer, nullptr, 0, &size, &last_error), KSTT_STATUS_MODEL_UNSUPPORTED, "words");
    kstt_tokenizer_free(tokenizer);
}

void test_questions() {
    kstt_tokenizer * tokenizer = open();
    const int32_t    n         = kstt_tokenizer_vocab_size(tokenizer);
    size_t           size      = 0;
    for (const int32_t id : { -1, INT32_MIN, n, INT32_MAX }) {
        size = 9;
        CHECK(kstt_tokenizer_piece(tokenizer, id, &size) == nullptr);
        CHECK_EQUAL(size, size_t{ 0 });
        CHECK_EQUAL(kstt_tokenizer_is_special(tokenizer, id), 0);
    }
    for (int32_t id = 0; id < n; id++) {
        const char * piece = kstt_tokenizer_piece(tokenizer, id, &size);
        CHECK(piece == nullptr || std::strlen(piece) == size);
    }
    kstt_tokenizer_free(tokenizer);
    CHECK(kstt_tokenizer_piece(nullptr, 0, nullptr) == nullptr);
    CHECK_EQUAL(kstt_tokenizer_is_special(nullptr, 0), 0);
    CHECK_EQUAL(kstt_tokenizer_vocab_size(nullptr), 0);
    CHECK_EQUAL(kstt_tokenizer_kind(nullptr), KSTT_TOKENIZER_JSON);
    CHECK_EQUAL(std::string(kstt_tokenizer_file_name(nullptr)), "");
    CHECK(kstt_tokenizer_file_bytes(nullptr, nullptr) == nullptr);
    kstt_tokenizer_free(nullptr);
}

}  // namespace

int main() {
    return check_run(
        { test_create, test_copy_of_the_file, test_short_buffers, test_arguments, test_json, test_questions });
}
