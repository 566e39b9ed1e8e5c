// Runs the body of a C function: whatever it throws becomes a status and a message.
#pragma once

#include "include/kstt.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace kstt {

inline kstt_status report(kstt_error * err, kstt_status status, const char * message) {
    if (err != nullptr) {
        err->status   = status;
        size_t length = std::min(std::strlen(message), sizeof(err->message) - 1);
        // Cut before a character, not inside one.
        while (length > 0 && (static_cast<unsigned char>(message[length]) & 0xc0U) == 0x80U) {
            length--;
        }
        std::memcpy(err->message, message, length);
        err->message[length] = '\0';
    }
    return status;
}

template <typename F>
kstt_status guarded(kstt_error * err, F && body) {
    try {
        body();
        return report(err, KSTT_STATUS_OK, "");
    } catch (const error & e) {
        return report(err, e.status(), e.what());
    } catch (const std::bad_alloc &) {
        return report(err, KSTT_STATUS_OUT_OF_MEMORY, "not enough memory");
    } catch (const std::exception & e) {
        return report(err, KSTT_STATUS_INTERNAL, e.what());
    } catch (...) {
        return report(err, KSTT_STATUS_INTERNAL, "unknown exception");
    }
}

inline void require(bool condition, const char * message) {
    if (!condition) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, message);
    }
}

}  // namespace kstt
