// What every reader of files keeps, whatever the bytes: it returns a value or throws a kstt::error that blames the
// file. A target defines LLVMFuzzerTestOneInput; libFuzzer's main drives it, or replay-main.cpp over the kept corpus.
#pragma once

#include "runtime/error.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size);

// Ends the process so that the driver keeps the input.
[[noreturn]] inline void fuzz_finding(const std::string & what) {
    std::fprintf(stderr, "finding: %s\n", what.c_str());
    std::abort();
}

inline void fuzz_require(bool condition, const char * what) {
    if (!condition) {
        fuzz_finding(what);
    }
}

// Runs `read`; an error that blames anything but the file is a finding, and so is any other exception. `or_absent`: the
// bytes may also leave the reader with a file that is not there.
template <typename F>
void fuzz_read(F && read, bool or_absent = false) {
    try {
        read();
    } catch (const kstt::error & e) {
        const bool blames_file = e.status() == KSTT_STATUS_MODEL_FORMAT ||
                                 e.status() == KSTT_STATUS_MODEL_UNSUPPORTED ||
                                 (or_absent && e.status() == KSTT_STATUS_FILE_NOT_FOUND);
        fuzz_require(blames_file && *e.what() != '\0', e.what());
    }
}
