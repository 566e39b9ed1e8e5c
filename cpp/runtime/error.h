// The one exception type of the core. Thrown anywhere below the C ABI, turned into a kstt_status only in cpp/capi.
#pragma once

#include "include/kstt.h"

#include <cstdarg>
#include <stdexcept>
#include <string>

namespace kstt {

class error : public std::runtime_error {
  public:
    error(kstt_status status, const std::string & message) : std::runtime_error(message), status_(status) {}

    kstt_status status() const { return status_; }

  private:
    kstt_status status_;
};

// printf into a std::string.
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
std::string
format(const char * fmt, ...);

// A broken promise between two parts of this library: reported as KSTT_STATUS_INTERNAL, in release builds too.
[[noreturn]] void fail_check(const char * expression, const char * file, int line);

}  // namespace kstt

#define KSTT_CHECK(expression)                                   \
    do {                                                         \
        if (!(expression)) {                                     \
            ::kstt::fail_check(#expression, __FILE__, __LINE__); \
        }                                                        \
    } while (0)
