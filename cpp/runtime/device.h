// The CPU device: finds the ggml CPU module that suits this processor, and hands out backends with their own threads.
#pragma once

#include "runtime/thread-pool.h"

#include <ggml-backend.h>
#include <ggml.h>

#include <cstdint>
#include <memory>
#include <string>

namespace kstt {

// Loads the module from `kernel_dir`; nullptr: the statically linked one. Later calls do nothing. Throws
// DEVICE_UNAVAILABLE with the reasons of every candidate.
void load_cpu_device(const char * kernel_dir);

// A ggml backend on the CPU and the threads that share out its heavy nodes. ggml itself walks the graph on the calling
// thread only: a barrier of all threads after each of its small nodes costs more than they gain. Not thread-safe: one
// compute at a time.
class compute_backend {
  public:
    // n_threads 1..256. Throws DEVICE_UNAVAILABLE before load_cpu_device.
    explicit compute_backend(int32_t n_threads);
    ~compute_backend();
    compute_backend(const compute_backend &)             = delete;
    compute_backend & operator=(const compute_backend &) = delete;

    void                       compute(ggml_cgraph * graph);
    ggml_backend_buffer_type_t buffer_type() const;
    // Wraps host memory (a mapped file) as a device buffer without a copy. The memory must outlive the buffer.
    ggml_backend_buffer_t      wrap(const void * data, size_t size, size_t max_tensor_size) const;

    int32_t n_threads() const { return pool_->n_threads(); }

    thread_pool & pool() { return *pool_; }

    // Replaces the threads; graphs must be built afterwards.
    void set_threads(int32_t n_threads);

  private:
    ggml_backend_t               backend_ = nullptr;
    std::unique_ptr<thread_pool> pool_;
};

// Whether ggml's own products with quantized weights may be used. Its code for WebAssembly cuts activations off where
// it should round them to 8 bits, and every product comes out 0.7 % too small.
constexpr bool ggml_rounds_activations() {
#ifdef __wasm__
    return false;
#else
    return true;
#endif
}

// Instruction set in use: our kernels' and ggml's module, e.g. "avx512, ggml zen4".
std::string describe_kernels();

// Threads that this process may run at once (affinity and container limits included where the system tells).
int32_t n_hardware_threads();

}  // namespace kstt
