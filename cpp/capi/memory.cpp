// The C ABI: files in memory.
#include "capi/guard.h"
#include "include/kstt.h"
#include "io/memory-files.h"

using namespace kstt;

namespace {

void require_found(bool found, const char * path) {
    if (!found) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND, std::string(path) + ": no such file in memory");
    }
}

}  // namespace

kstt_status kstt_memory_file_create(const char * path, size_t size, void ** bytes, kstt_error * err) {
    if (bytes != nullptr) {
        *bytes = nullptr;
    }
    return guarded(err, [&] {
        require(path != nullptr && bytes != nullptr, "path and bytes must not be NULL");
        *bytes = create_memory_file(path, size)->data();
    });
}

kstt_status kstt_memory_file_bytes(const char * path, void ** bytes, size_t * size, kstt_error * err) {
    if (bytes != nullptr) {
        *bytes = nullptr;
    }
    return guarded(err, [&] {
        require(path != nullptr && bytes != nullptr && size != nullptr, "path, bytes and size must not be NULL");
        const auto file = open_memory_file(path);
        require_found(file != nullptr, path);
        *bytes = file->data();
        *size  = file->size();
    });
}

kstt_status kstt_memory_file_hand_over(const char * path, kstt_error * err) {
    return guarded(err, [&] {
        require(path != nullptr, "path must not be NULL");
        require_found(hand_over_memory_file(path), path);
    });
}

kstt_status kstt_memory_file_remove(const char * path, kstt_error * err) {
    return guarded(err, [&] {
        require(path != nullptr, "path must not be NULL");
        require_found(remove_memory_file(path), path);
    });
}
