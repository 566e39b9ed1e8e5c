#include "pin-library.h"

#ifdef _WIN32
#    define WIN32_LEAN_AND_MEAN
#    define NOMINMAX
#    include <windows.h>
#else
#    include <dlfcn.h>
#endif

namespace kstt_node {

void pin_library() {
    // A failure leaves things as they were without the pin; there is nothing to report it to.
#ifdef _WIN32
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       reinterpret_cast<LPCWSTR>(&pin_library),
                       &module);
#else
    Dl_info library = {};
    if (dladdr(reinterpret_cast<void *>(&pin_library), &library) != 0) {
        // NOLOAD: only raises the count of what is loaded already; never closed again.
        dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
#endif
}

}  // namespace kstt_node
