// Runs the body of a C function: whatever it throws becomes a status and a message.
#pragma once

#include "include/kstt.h"
#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
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

inline bool is_flag(int32_t value) {
    return value == 0 || value == 1;
}

// For functions that make a handle: *out is what `make` returns (std::unique_ptr<H>), or NULL beside an error.
template <typename H, typename F>
kstt_status guarded_create(H ** out, kstt_error * err, F && make) {
    if (out != nullptr) {
        *out = nullptr;
    }
    return guarded(err, [&] {
        require(out != nullptr, "out must not be NULL");
        std::unique_ptr<H> handle = make();
        *out                      = handle.release();
    });
}

}  // namespace kstt
