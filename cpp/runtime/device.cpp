#include "runtime/device.h"

#include "kernels/kernels.h"
#include "runtime/error.h"

#include <ggml-cpu.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#ifdef KSTT_CPU_MODULES
#    ifdef _WIN32
#        include <windows.h>
#    else
#        include <dlfcn.h>
#    endif
#endif
#ifdef __linux__
#    include <sched.h>
#endif

namespace kstt {

namespace {

namespace fs = std::filesystem;

// Process state: ggml's module for this processor. Written once under the lock, never unloaded.
struct cpu_device {
    std::mutex         lock;
    ggml_backend_reg_t reg = nullptr;
    ggml_backend_dev_t dev = nullptr;
    std::string        name;
};

cpu_device & the_cpu_device() {
    static cpu_device device;
    return device;
}

#ifdef KSTT_CPU_MODULES

void * open_module(const fs::path & path, std::string & reason) {
#    ifdef _WIN32
    void * handle = reinterpret_cast<void *>(LoadLibraryW(path.wstring().c_str()));
    if (handle == nullptr) {
        reason = format("error %lu", static_cast<unsigned long>(GetLastError()));
    }
#    else
    void * handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char * text = dlerror();
        reason            = text != nullptr ? text : "unknown reason";
    }
#    endif
    return handle;
}

template <typename F>
F find_symbol(void * handle, const char * name) {
#    ifdef _WIN32
    return reinterpret_cast<F>(reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(handle), name)));
#    else
    return reinterpret_cast<F>(dlsym(handle, name));
#    endif
}

void close_module(void * handle) {
#    ifdef _WIN32
    FreeLibrary(static_cast<HMODULE>(handle));
#    else
    dlclose(handle);
#    endif
}

// Every module tells how well it suits this processor (0: not at all); the highest score is kept loaded.
void load_best_module(const std::string & folder, cpu_device & device) {
    std::string     reasons;
    void *          best       = nullptr;
    int             best_score = 0;
    std::string     best_name;
    std::error_code ignored;
    for (const fs::directory_entry & entry : fs::directory_iterator(fs::u8path(folder), ignored)) {
        const std::string stem = entry.path().stem().u8string();
        const size_t      tag  = stem.find("kstt-ggml-cpu-");
        const std::string kind = entry.path().extension().u8string();
        if (tag == std::string::npos || (kind != ".so" && kind != ".dll" && kind != ".dylib")) {
            continue;
        }
        const std::string name = stem.substr(tag + std::string("kstt-ggml-cpu-").size());
        std::string       reason;
        void *            handle = open_module(entry.path(), reason);
        if (handle == nullptr) {
            reasons += format("\n  %s: %s", name.c_str(), reason.c_str());
            continue;
        }
        const auto score_of = find_symbol<int (*)()>(handle, "ggml_backend_score");
        const int  score    = score_of != nullptr ? score_of() : 0;
        if (score > best_score) {
            if (best != nullptr) {
                close_module(best);
            }
            best       = handle;
            best_score = score;
            best_name  = name;
        } else {
            reasons += score == 0 ? format("\n  %s: this processor lacks its instructions", name.c_str()) : "";
            close_module(handle);
        }
    }
    if (best == nullptr) {
        throw error(KSTT_STATUS_DEVICE_UNAVAILABLE,
                    format("no CPU kernels (kstt-ggml-cpu-*) for this processor in the addon's folder%s",
                           reasons.empty() ? ": none found there" : reasons.c_str()));
    }
    const auto init = find_symbol<ggml_backend_reg_t (*)()>(best, "ggml_backend_init");
    if (init == nullptr) {
        throw error(KSTT_STATUS_DEVICE_UNAVAILABLE, format("the CPU module %s has no entry point", best_name.c_str()));
    }
    device.reg  = init();
    device.name = best_name;
}

#endif

template <typename F>
F cpu_function(const char * name) {
    const auto function = reinterpret_cast<F>(ggml_backend_reg_get_proc_address(the_cpu_device().reg, name));
    KSTT_CHECK(function != nullptr);
    return function;
}

}  // namespace

void load_cpu_device(const char * kernel_dir) {
    cpu_device &                      device = the_cpu_device();
    const std::lock_guard<std::mutex> guard(device.lock);
    if (device.dev != nullptr) {
        return;
    }
#ifdef KSTT_CPU_MODULES
    if (kernel_dir == nullptr) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    "kernel_dir is required: this build loads its CPU kernels from a folder");
    }
    load_best_module(kernel_dir, device);
#else
    (void) kernel_dir;
    device.reg  = ggml_backend_cpu_reg();
    device.name = "static";
#endif
    KSTT_CHECK(device.reg != nullptr && ggml_backend_reg_dev_count(device.reg) > 0);
    device.dev = ggml_backend_reg_dev_get(device.reg, 0);
}

compute_backend::compute_backend(int32_t n_threads) {
    cpu_device & device = the_cpu_device();
    if (device.dev == nullptr) {
        throw error(KSTT_STATUS_DEVICE_UNAVAILABLE, "the CPU kernels are not loaded; call kstt_init first");
    }
    backend_ = ggml_backend_dev_init(device.dev, nullptr);
    if (backend_ == nullptr) {
        throw error(KSTT_STATUS_DEVICE_UNAVAILABLE, "the CPU device could not be started");
    }
    cpu_function<void (*)(ggml_backend_t, int)>("ggml_backend_set_n_threads")(backend_, 1);
    set_threads(n_threads);
}

compute_backend::~compute_backend() {
    ggml_backend_free(backend_);
}

void compute_backend::set_threads(int32_t n_threads) {
    pool_ = std::make_unique<thread_pool>(n_threads);
}

void compute_backend::compute(ggml_cgraph * graph) {
    const ggml_status status = ggml_backend_graph_compute(backend_, graph);
    if (status == GGML_STATUS_ALLOC_FAILED) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, "not enough memory for a graph's work space");
    }
    KSTT_CHECK(status == GGML_STATUS_SUCCESS);
}

ggml_backend_buffer_type_t compute_backend::buffer_type() const {
    return ggml_backend_get_default_buffer_type(backend_);
}

ggml_backend_buffer_t compute_backend::wrap(const void * data, size_t size, size_t max_tensor_size) const {
    ggml_backend_buffer_t buffer =
        ggml_backend_dev_buffer_from_host_ptr(the_cpu_device().dev, const_cast<void *>(data), size, max_tensor_size);
    KSTT_CHECK(buffer != nullptr);
    return buffer;
}

std::string describe_kernels() {
    return format("%s, ggml %s", kernels().name, the_cpu_device().name.c_str());
}

int32_t n_hardware_threads() {
    int32_t n = static_cast<int32_t>(std::thread::hardware_concurrency());
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        n = CPU_COUNT(&set);
    }
#endif
    return std::max(n, 1);
}

}  // namespace kstt
