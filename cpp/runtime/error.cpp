#include "runtime/error.h"

#include <cstdio>

namespace kstt {

std::string format(const char * fmt, ...) {
    va_list args;
    va_start(args, fmt);
    va_list measure;
    va_copy(measure, args);
    const int size = std::vsnprintf(nullptr, 0, fmt, measure);
    va_end(measure);
    std::string text(size > 0 ? static_cast<size_t>(size) : 0, '\0');
    if (size > 0) {
        std::vsnprintf(text.data(), text.size() + 1, fmt, args);
    }
    va_end(args);
    return text;
}

void fail_check(const char * expression, const char * file, int line) {
    // Only the file's name: builds must not carry the builder's folders into messages.
    std::string  name(file);
    const size_t slash = name.find_last_of("/\\");
    if (slash != std::string::npos) {
        name.erase(0, slash + 1);
    }
    throw error(KSTT_STATUS_INTERNAL, format("internal check failed: %s (%s:%d)", expression, name.c_str(), line));
}

}  // namespace kstt
