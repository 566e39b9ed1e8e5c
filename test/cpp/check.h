// The checks of the C++ tests: failures are counted and printed with file and line, the run goes on.
// A test is `int main() { return check_run({ test_this, test_that }); }`; its last line is "N passed, N failed".
#pragma once

#include "runtime/error.h"

#include <cstdio>
#include <exception>
#include <initializer_list>
#include <sstream>
#include <string>

namespace check_state {
inline int n_passed = 0;  // NOLINT: counters of a test executable
inline int n_failed = 0;  // NOLINT
}  // namespace check_state

inline void check_result(bool passed, const char * file, int line, const std::string & what) {
    if (passed) {
        ++check_state::n_passed;
        return;
    }
    ++check_state::n_failed;
    std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what.c_str());
}

template <typename T>
std::string check_text(const T & value) {
    std::ostringstream out;
    out.precision(17);
    out << value;
    return out.str();
}

template <typename A, typename B>
void check_equal(const A & found, const B & expected, const char * expression, const char * file, int line) {
    const bool passed = found == expected;
    check_result(
        passed,
        file,
        line,
        passed ? "" : std::string(expression) + ": expected " + check_text(expected) + ", found " + check_text(found));
}

// Runs `body`, which must throw kstt::error with this status and all of these words in its message.
template <typename F, typename... Words>
void check_throws(const char * file, int line, const F & body, kstt_status status, const Words &... words) {
    try {
        body();
    } catch (const kstt::error & e) {
        const std::string message = e.what();
        check_equal(e.status(), status, ("status of: " + message).c_str(), file, line);
        (check_result(message.find(words) != std::string::npos,
                      file,
                      line,
                      "\"" + std::string(words) + "\" is not in: " + message),
         ...);
        return;
    }
    check_result(false, file, line, "nothing was thrown");
}

inline int check_report() {
    std::printf("%d passed, %d failed\n", check_state::n_passed, check_state::n_failed);
    // No checks at all is a failure too.
    return check_state::n_failed == 0 && check_state::n_passed > 0 ? 0 : 1;
}

// Runs the tests; an exception out of one of them is a failure, and the next one runs.
inline int check_run(std::initializer_list<void (*)()> tests) {
    for (void (*test)() : tests) {
        try {
            test();
        } catch (const std::exception & e) {
            ++check_state::n_failed;
            std::fprintf(stderr, "failed: exception out of a test: %s\n", e.what());
        } catch (...) {
            ++check_state::n_failed;
            std::fprintf(stderr, "failed: unknown exception out of a test\n");
        }
    }
    return check_report();
}

#define CHECK(condition)             check_result((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQUAL(found, expected) check_equal((found), (expected), #found, __FILE__, __LINE__)
#define CHECK_THROWS(body, ...)      check_throws(__FILE__, __LINE__, [&] { body; }, __VA_ARGS__)
