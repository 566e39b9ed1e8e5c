// For tests of the C ABI: a call's status and the message beside it.
#pragma once

#include "check.h"
#include "include/kstt.h"

#include <cstring>
#include <string>

inline kstt_error last_error;  // NOLINT: what the last call said

inline void expect(kstt_status found, kstt_status expected, const char * word, const char * file, int line) {
    check_equal(found, expected, last_error.message, file, line);
    check_equal(last_error.status, expected, "status in kstt_error", file, line);
    check_result(std::strstr(last_error.message, word) != nullptr,
                 file,
                 line,
                 std::string("\"") + word + "\" is not in: " + last_error.message);
}

// `call` passes &last_error; `word` must be in its message.
#define EXPECT(call, status, word) expect((call), (status), (word), __FILE__, __LINE__)
#define EXPECT_OK(call)            expect((call), KSTT_STATUS_OK, "", __FILE__, __LINE__)
