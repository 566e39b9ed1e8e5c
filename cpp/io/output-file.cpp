#include "io/output-file.h"

#include "runtime/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#if defined(_WIN32)
#    include <fcntl.h>
#    include <io.h>
#    include <share.h>
#    include <sys/stat.h>
#else
#    include <fcntl.h>
#    include <sys/file.h>
#    include <sys/stat.h>
#    include <unistd.h>
#endif

namespace kstt {
namespace {

namespace fs = std::filesystem;

constexpr const char * suffix = ".part";

#if !defined(EDQUOT)
constexpr int EDQUOT = ENOSPC;  // a quota is used up; not everywhere
#endif

[[noreturn]] void throw_write_error(const std::string & path, int reason) {
    const std::error_code code(reason, std::generic_category());
    if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND, path + ": cannot be written: there is no such folder");
    }
    if (code == std::errc::no_space_on_device || code == std::errc::file_too_large || reason == EDQUOT) {
        throw error(KSTT_STATUS_DISK_FULL,
                    path + ": cannot be written (" + code.message() + "); free some space or write to another disk");
    }
    std::string remedy;
    if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted) {
        remedy = "; give this user permission to write there";
    }
    throw error(KSTT_STATUS_FILE_ACCESS, path + ": cannot be written (" + code.message() + ")" + remedy);
}

// Temporary files of one target begin with this; what follows is random.
std::string temporary_prefix(const fs::path & target) {
    return "." + target.filename().u8string() + ".";
}

fs::path folder_of(const fs::path & target) {
    return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

#if defined(_WIN32)

// Without sharing: nobody can remove the file while it is open.
int create_locked(const std::string & path) {
    int file = -1;
    _wsopen_s(&file,
              fs::u8path(path).c_str(),
              _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY | _O_NOINHERIT,
              _SH_DENYRW,
              _S_IREAD | _S_IWRITE);
    return file;
}

void remove_if_abandoned(const fs::path & path) {
    int file = -1;
    if (_wsopen_s(&file, path.c_str(), _O_RDWR | _O_BINARY | _O_NOINHERIT, _SH_DENYRW, _S_IREAD) == 0) {
        _close(file);
        std::error_code ignored;
        fs::remove(path, ignored);
    }
}

void reserve(int, uint64_t, const std::string &) {}

int make_durable(int file) {
    return _commit(file);
}

void make_rename_durable(const fs::path &) {}

int close_file(int file) {
    return _close(file);
}

long write_some(int file, const void * data, size_t n_bytes) {
    return _write(file, data, static_cast<unsigned>(n_bytes));
}

#else

// The lock marks the file as in use; the system drops it with the process. Not every file system has locks: without
// one, the next writer of this name could take the file for abandoned.
int create_locked(const std::string & path) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): open is what POSIX has.
    const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0) {
        return file;
    }
    // Between open and lock somebody who looks for abandoned files may have taken it: another name, then.
    struct stat status = {};
    const bool  taken  = ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (taken || ::fstat(file, &status) != 0 || status.st_nlink == 0) {
        ::close(file);
        errno = EEXIST;
        return -1;
    }
    return file;
}

void remove_if_abandoned(const fs::path & path) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return;
    }
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) {
        std::error_code ignored;
        fs::remove(path, ignored);
    }
    ::close(file);
}

void reserve(int file, uint64_t n_bytes, const std::string & path) {
#    if defined(__linux__)
    // Says at once that a disk is too small. File systems without it say so while writing.
    if (n_bytes > 0 && ::fallocate(file, 0, 0, static_cast<off_t>(n_bytes)) != 0 &&
        (errno == ENOSPC || errno == EFBIG || errno == EDQUOT)) {
        throw_write_error(path, errno);
    }
#    else
    (void) file;
    (void) n_bytes;
    (void) path;
#    endif
}

int make_durable(int file) {
    return ::fsync(file);
}

void make_rename_durable(const fs::path & folder) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
    const int file = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        // The file itself is safe already; without this a power cut may bring the old name's state back.
        (void) ::fsync(file);
        ::close(file);
    }
}

int close_file(int file) {
    return ::close(file);
}

long write_some(int file, const void * data, size_t n_bytes) {
    return ::write(file, data, n_bytes);
}

#endif

// Removes what earlier processes left behind for this target when they were killed.
void remove_abandoned(const fs::path & target) {
    const std::string prefix = temporary_prefix(target);
    std::error_code   code;
    for (fs::directory_iterator entry(folder_of(target), code), end; !code && entry != end; entry.increment(code)) {
        const std::string name = entry->path().filename().u8string();
        const bool        ours = name.rfind(prefix, 0) == 0 && name.size() > prefix.size() + 5 &&
                          name.compare(name.size() - 5, 5, suffix) == 0;
        if (ours) {
            remove_if_abandoned(entry->path());
        }
    }
}

}  // namespace

output_file::output_file(const std::string & path, uint64_t n_bytes) : path_(path), expected_(n_bytes) {
    const fs::path  target = fs::u8path(path);
    std::error_code ignored;
    if (path.empty() || path.find('\0') != std::string::npos || !target.has_filename()) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "the path to write to is empty or names no file");
    }
    if (fs::is_directory(target, ignored)) {
        throw error(KSTT_STATUS_FILE_ACCESS, path + ": cannot be written: it is a folder; give the name of a file");
    }
    if (is_memory_path(path)) {
        if (find_memory_entry(path) == memory_entry::folder) {
            throw error(KSTT_STATUS_FILE_ACCESS, path + ": cannot be written: it is a folder; give the name of a file");
        }
        if (n_bytes > SIZE_MAX) {
            throw error(KSTT_STATUS_OUT_OF_MEMORY, path + ": is larger than the memory of this process can be");
        }
        memory_ = std::make_shared<memory_file>(static_cast<size_t>(n_bytes));
        return;
    }
    create();
}

void output_file::create() {
    const fs::path  target = fs::u8path(path_);
    std::error_code ignored;
    remove_abandoned(target);
    std::random_device random;
    do {
        const std::string name = temporary_prefix(target) + format("%08x%08x", random(), random()) + suffix;
        temporary_             = (folder_of(target) / fs::u8path(name)).u8string();
        file_                  = create_locked(temporary_);
    } while (file_ < 0 && errno == EEXIST);
    if (file_ < 0) {
        const int reason = errno;
        temporary_.clear();
        throw_write_error(path_, reason);
    }
    try {
        reserve(file_, expected_, path_);
    } catch (...) {
        close();
        fs::remove(fs::u8path(temporary_), ignored);
        throw;
    }
}

output_file::~output_file() {
    if (!temporary_.empty()) {
        close();
        std::error_code ignored;
        fs::remove(fs::u8path(temporary_), ignored);
    }
}

void output_file::close() {
    if (file_ >= 0) {
        (void) close_file(file_);
        file_ = -1;
    }
}

void output_file::write(const void * data, size_t n_bytes) {
    if (memory_ != nullptr) {
        KSTT_CHECK(n_bytes <= expected_ - written_);
        if (n_bytes > 0) {
            std::memcpy(memory_->data() + written_, data, n_bytes);
        }
        written_ += n_bytes;
        return;
    }
    KSTT_CHECK(file_ >= 0);
    const char * next = static_cast<const char *>(data);
    while (n_bytes > 0) {
        // Linux takes at most 2 GiB at once, Windows 4.
        const size_t part = n_bytes < (size_t{ 1 } << 30U) ? n_bytes : size_t{ 1 } << 30U;
        const long   n    = write_some(file_, next, part);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            throw_write_error(path_, n == 0 ? ENOSPC : errno);
        }
        next += n;
        n_bytes -= static_cast<size_t>(n);
        written_ += static_cast<uint64_t>(n);
    }
}

void output_file::finish() {
    if (memory_ != nullptr) {
        KSTT_CHECK(written_ == expected_);
        put_memory_file(path_, std::move(memory_));
        return;
    }
    KSTT_CHECK(file_ >= 0 && written_ == expected_);
    const fs::path target = fs::u8path(path_);
    if (make_durable(file_) != 0) {
        throw_write_error(path_, errno);
    }
    const int file = file_;
    file_          = -1;
#if defined(_WIN32)
    // An open file cannot be renamed there.
    if (close_file(file) != 0) {
        throw_write_error(path_, errno);
    }
#endif
    std::error_code code;
    fs::rename(fs::u8path(temporary_), target, code);
#if !defined(_WIN32)
    // Closed after the rename, so that the lock held until the name was final.
    const int closed = close_file(file);
    const int reason = errno;
    if (!code && closed != 0) {
        throw_write_error(path_, reason);
    }
#endif
    if (code) {
        throw_write_error(path_, code.value());
    }
    temporary_.clear();
    make_rename_durable(folder_of(target));
}

}  // namespace kstt
