#include "io/page-memory.h"

#include "runtime/error.h"

#include <new>
#include <utility>

#if !defined(_WIN32) && !defined(__EMSCRIPTEN__) && !defined(__wasi__) && !defined(KSTT_NO_MMAP)
#    define KSTT_POSIX_MMAP
#    include <sys/mman.h>
#    include <unistd.h>
#endif

namespace kstt {
namespace {

[[noreturn]] void throw_no_memory(size_t n_bytes) {
    throw error(KSTT_STATUS_OUT_OF_MEMORY, format("no memory for %zu bytes of weights", n_bytes));
}

}  // namespace

#if defined(KSTT_POSIX_MMAP)

bool page_memory::can_discard() {
    return true;
}

page_memory::page_memory(size_t n_bytes) : size_(n_bytes) {
    if (n_bytes == 0) {
        return;
    }
    void * memory = ::mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw_no_memory(n_bytes);
    }
    data_ = static_cast<uint8_t *>(memory);
}

page_memory::~page_memory() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
}

void page_memory::discard(const uint8_t * begin, size_t n_bytes) const {
    KSTT_CHECK(begin >= data_ && n_bytes <= size_ && static_cast<size_t>(begin - data_) <= size_ - n_bytes);
    // Only pages that lie wholly inside: their neighbours are in use.
    const size_t page  = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t first = (static_cast<size_t>(begin - data_) + page - 1) / page * page;
    const size_t last  = (static_cast<size_t>(begin - data_) + n_bytes) / page * page;
    if (last > first) {
        (void) ::madvise(data_ + first, last - first, MADV_DONTNEED);
    }
}

#else

bool page_memory::can_discard() {
    return false;
}

page_memory::page_memory(size_t n_bytes) : size_(n_bytes) {
    if (n_bytes == 0) {
        return;
    }
    data_ = static_cast<uint8_t *>(::operator new(n_bytes, std::align_val_t(64), std::nothrow));
    if (data_ == nullptr) {
        throw_no_memory(n_bytes);
    }
}

page_memory::~page_memory() {
    ::operator delete(data_, std::align_val_t(64));
}

void page_memory::discard(const uint8_t * begin, size_t n_bytes) const {
    KSTT_CHECK(begin >= data_ && n_bytes <= size_ && static_cast<size_t>(begin - data_) <= size_ - n_bytes);
}

#endif

page_memory::page_memory(page_memory && other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

page_memory & page_memory::operator=(page_memory && other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

}  // namespace kstt
