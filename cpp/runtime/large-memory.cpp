#include "runtime/large-memory.h"

#include "runtime/error.h"

#include <new>

#ifdef __linux__
#    include <sys/mman.h>
#endif

namespace kstt {

namespace {

constexpr size_t large_page = 2 << 20;

}  // namespace

large_memory::large_memory(size_t n_bytes)
    : data_(::operator new(n_bytes, std::align_val_t(large_page), std::nothrow)) {
    if (data_ == nullptr) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, format("not enough memory for %zu bytes of weights", n_bytes));
    }
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // Whole pages only, so that none is larger than its use. A hint: without it nothing but speed is lost.
    (void) ::madvise(data_, n_bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
}

large_memory::~large_memory() {
    ::operator delete(data_, std::align_val_t(large_page));
}

}  // namespace kstt
