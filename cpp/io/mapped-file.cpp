#include "io/mapped-file.h"

#include "runtime/error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#if defined(_WIN32)
#    define WIN32_LEAN_AND_MEAN
#    define NOMINMAX
#    include <windows.h>
#elif !defined(__EMSCRIPTEN__) && !defined(__wasi__) && !defined(KSTT_NO_MMAP)
#    define KSTT_POSIX_MMAP
#    include <fcntl.h>
#    include <sys/mman.h>
#    include <unistd.h>
#else
#    include <cstdio>
#    include <new>
#endif

namespace kstt {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_file_error(const std::string & path, const std::error_code & code) {
    if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND, path + ": no such file; check the path");
    }
    if (code == std::errc::not_enough_memory) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, path + ": no address space left to map the file");
    }
    const bool denied = code == std::errc::permission_denied || code == std::errc::operation_not_permitted;
    throw error(KSTT_STATUS_FILE_ACCESS,
                path + ": cannot be read (" + code.message() + ")" +
                    (denied ? "; give this user permission to read it" : ""));
}

#if defined(_WIN32)
std::error_code last_system_error() {
    return { static_cast<int>(GetLastError()), std::system_category() };
}
#else
std::error_code last_system_error() {
    return { errno, std::generic_category() };
}
#endif

// Type of what the path names, links followed. Opening a pipe would block, so this comes before any open.
fs::file_type type_of(const std::string & path) {
    if (path.empty() || path.find('\0') != std::string::npos) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND, "the path is empty or holds a NUL byte; give the path of a file");
    }
    if (is_memory_path(path)) {
        switch (find_memory_entry(path)) {
        case memory_entry::file:
            return fs::file_type::regular;
        case memory_entry::folder:
            return fs::file_type::directory;
        case memory_entry::none:
            return fs::file_type::not_found;
        }
    }
    std::error_code     code;
    const fs::file_type type = fs::status(fs::u8path(path), code).type();
    if (type == fs::file_type::none) {
        throw_file_error(path, code);
    }
    return type;
}

}  // namespace

mapped_file::mapped_file(const std::string & path) : path_(path) {
    const fs::file_type type = type_of(path);
    if (type != fs::file_type::regular && type != fs::file_type::not_found) {
        throw error(KSTT_STATUS_FILE_ACCESS, path + ": is not a regular file");
    }
    if (!is_memory_path(path)) {
        map();
        return;
    }
    memory_ = open_memory_file(path);
    if (memory_ == nullptr) {
        throw_file_error(path, std::make_error_code(std::errc::no_such_file_or_directory));
    }
    data_ = memory_->data();
    size_ = memory_->size();
}

mapped_file::~mapped_file() {
    if (memory_ == nullptr && data_ != nullptr) {
        unmap();
    }
}

uint8_t * mapped_file::spare(const uint8_t * data) const {
    KSTT_CHECK(data >= data_ && static_cast<size_t>(data - data_) <= size_);
    return memory_ != nullptr && memory_.use_count() == 1 ? memory_->data() + (data - data_) : nullptr;
}

#if defined(_WIN32)

void mapped_file::map() {
    HANDLE file = CreateFileW(fs::u8path(path_).c_str(),
                              GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_DELETE,
                              nullptr,
                              OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL,
                              nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        throw_file_error(path_, last_system_error());
    }
    LARGE_INTEGER size{};
    if (GetFileSizeEx(file, &size) == 0) {
        const std::error_code code = last_system_error();
        CloseHandle(file);
        throw_file_error(path_, code);
    }
    size_ = static_cast<size_t>(size.QuadPart);
    if (size_ == 0) {
        CloseHandle(file);
        return;
    }
    // The view keeps mapping and file alive; their handles are not needed past this point.
    HANDLE                mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
    const void *          view    = mapping != nullptr ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : nullptr;
    const std::error_code code    = last_system_error();
    if (mapping != nullptr) {
        CloseHandle(mapping);
    }
    CloseHandle(file);
    if (view == nullptr) {
        throw_file_error(path_, code);
    }
    data_ = static_cast<const uint8_t *>(view);
}

void mapped_file::unmap() {
    UnmapViewOfFile(data_);
}

void mapped_file::release(const uint8_t * begin, size_t n_bytes) const {
    KSTT_CHECK(begin >= data_ && n_bytes <= size_ && static_cast<size_t>(begin - data_) <= size_ - n_bytes);
    if (memory_ != nullptr) {
        return;
    }
    // Unlocking pages that are not locked removes them from the working set.
    VirtualUnlock(const_cast<uint8_t *>(begin), n_bytes);
}

#elif defined(KSTT_POSIX_MMAP)

void mapped_file::map() {
    const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        throw_file_error(path_, last_system_error());
    }
    const off_t size = ::lseek(file, 0, SEEK_END);
    void *      view = size > 0 ? ::mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
    const std::error_code code = last_system_error();
    ::close(file);
    if (size < 0 || view == MAP_FAILED) {
        throw_file_error(path_, code);
    }
    size_ = static_cast<size_t>(size);
    data_ = static_cast<const uint8_t *>(view);
}

void mapped_file::unmap() {
    ::munmap(const_cast<uint8_t *>(data_), size_);
}

void mapped_file::release(const uint8_t * begin, size_t n_bytes) const {
    KSTT_CHECK(begin >= data_ && n_bytes <= size_ && static_cast<size_t>(begin - data_) <= size_ - n_bytes);
    if (memory_ != nullptr) {
        return;
    }
    // Only pages that lie wholly inside: their neighbours may still be in use.
    const size_t page  = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t first = (static_cast<size_t>(begin - data_) + page - 1) / page * page;
    const size_t last  = (static_cast<size_t>(begin - data_) + n_bytes) / page * page;
    if (last > first) {
        // A hint: if the system does not take it, nothing is lost but memory.
        (void) ::madvise(const_cast<uint8_t *>(data_) + first, last - first, MADV_DONTNEED);
    }
}

#else

void mapped_file::map() {
    std::FILE * file = std::fopen(path_.c_str(), "rb");
    if (file == nullptr) {
        throw_file_error(path_, last_system_error());
    }
    std::error_code code;
    const auto      size   = fs::file_size(fs::u8path(path_), code);
    uint8_t *       buffer = nullptr;
    if (!code && size > 0) {
        // 64: the alignment that ggml asks of tensor buffers.
        buffer = static_cast<uint8_t *>(::operator new(static_cast<size_t>(size), std::align_val_t(64), std::nothrow));
        if (buffer == nullptr) {
            code = std::make_error_code(std::errc::not_enough_memory);
        } else if (std::fread(buffer, 1, static_cast<size_t>(size), file) != size) {
            code = std::make_error_code(std::errc::io_error);
        }
    }
    std::fclose(file);
    if (code) {
        ::operator delete(buffer, std::align_val_t(64));
        throw_file_error(path_, code);
    }
    data_ = buffer;
    size_ = static_cast<size_t>(size);
}

void mapped_file::unmap() {
    ::operator delete(const_cast<uint8_t *>(data_), std::align_val_t(64));
}

void mapped_file::release(const uint8_t * begin, size_t n_bytes) const {
    KSTT_CHECK(begin >= data_ && n_bytes <= size_ && static_cast<size_t>(begin - data_) <= size_ - n_bytes);
}

#endif

std::string path_in_folder(const std::string & folder, const std::string & name) {
    return (fs::u8path(folder) / fs::u8path(name)).u8string();
}

std::string folder_of(const std::string & path) {
    const std::string folder = fs::u8path(path).parent_path().u8string();
    return folder.empty() ? "." : folder;
}

std::string file_name_of(const std::string & path) {
    return fs::u8path(path).filename().u8string();
}

bool is_plain_file_name(const std::string & name) {
    return !name.empty() && name != "." && name != ".." && name.find_first_of("/\\:") == std::string::npos &&
           name.find('\0') == std::string::npos;
}

bool file_exists(const std::string & path) {
    return type_of(path) == fs::file_type::regular;
}

std::vector<std::string> names_in_folder(const std::string & folder) {
    if (is_memory_path(folder)) {
        return list_memory_folder(folder);
    }
    std::vector<std::string> names;
    std::error_code          code;
    fs::directory_iterator   entries(fs::u8path(folder), code);
    for (; !code && entries != fs::directory_iterator(); entries.increment(code)) {
        names.push_back(entries->path().filename().u8string());
    }
    if (code) {
        throw error(KSTT_STATUS_FILE_ACCESS, folder + ": cannot be listed (" + code.message() + ")");
    }
    return names;
}

bool is_same_file(const std::string & a, const std::string & b) {
    if (is_memory_path(a) || is_memory_path(b)) {
        const auto file = is_memory_path(a) && is_memory_path(b) ? open_memory_file(a) : nullptr;
        return file != nullptr && file == open_memory_file(b);
    }
    std::error_code ignored;
    return fs::equivalent(fs::u8path(a), fs::u8path(b), ignored);
}

uint64_t size_of_file(const std::string & path) {
    if (is_memory_path(path)) {
        const auto file = open_memory_file(path);
        return file != nullptr ? file->size() : 0;
    }
    std::error_code code;
    const uintmax_t size = fs::file_size(fs::u8path(path), code);
    return code ? 0 : size;
}

void require_folder(const std::string & folder) {
    const fs::file_type type = type_of(folder);
    if (type == fs::file_type::not_found) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND, folder + ": no such folder; check the path of the checkpoint");
    }
    if (type != fs::file_type::directory) {
        throw error(KSTT_STATUS_FILE_ACCESS,
                    folder + ": is not a folder; give the folder that holds config.json and model.safetensors");
    }
    // A folder without search permission fails here rather than at the first file inside.
    (void) type_of(path_in_folder(folder, "."));
}

}  // namespace kstt
