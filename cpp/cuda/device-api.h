// The host's side of a GPU: memory, copies, streams, recorded launch sequences. device-api.cu implements it with the
// CUDA runtime; test/cuda/emulation runs the same kernels on the host. No CUDA header is needed to use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt::gpu {

struct device_properties {
    std::string name;
    int32_t     major          = 0;  // compute capability
    int32_t     minor          = 0;
    int32_t     n_processors   = 0;
    int64_t     n_bytes        = 0;  // memory in all
    int64_t     n_free_bytes   = 0;
    int32_t     n_shared_bytes = 0;  // a block may ask for
};

// Makes the first device the calling thread's. Throws DEVICE_UNAVAILABLE with the reason: no driver, a driver that is
// too old, no device, or none that this build has code for.
device_properties open_device();

// Memory of the device, zeroed. Throws OUT_OF_MEMORY.
class device_memory {
  public:
    device_memory() = default;
    explicit device_memory(size_t n_bytes);
    ~device_memory();
    device_memory(device_memory && other) noexcept;
    device_memory & operator=(device_memory && other) noexcept;

    size_t n_bytes() const { return n_bytes_; }

    template <typename T>
    T * as() const {
        return static_cast<T *>(data_);
    }

  private:
    void * data_    = nullptr;
    size_t n_bytes_ = 0;
};

// Memory of the host that the device copies from and to without the host waiting. Throws OUT_OF_MEMORY.
class pinned_memory {
  public:
    pinned_memory() = default;
    explicit pinned_memory(size_t n_bytes);
    ~pinned_memory();
    pinned_memory(pinned_memory && other) noexcept;
    pinned_memory & operator=(pinned_memory && other) noexcept;

    size_t n_bytes() const { return n_bytes_; }

    // At least so large from now on; a larger one holds nothing of the old contents.
    void reserve(size_t n_bytes) {
        if (n_bytes > n_bytes_) {
            *this = pinned_memory(n_bytes);
        }
    }

    template <typename T>
    T * as() const {
        return static_cast<T *>(data_);
    }

  private:
    void * data_    = nullptr;
    size_t n_bytes_ = 0;
};

class recording;

// Work in order. Copies and launches return at once; wait() returns when all of it is done.
class stream {
  public:
    stream();
    ~stream();
    stream(const stream &)             = delete;
    stream & operator=(const stream &) = delete;

    // Host memory must be pinned and stay as it is until the work is done, or the call may wait.
    void upload(void * device, const void * host, size_t n_bytes);
    void download(void * host, const void * device, size_t n_bytes);
    void copy(void * to, const void * from, size_t n_bytes);
    void clear(void * device, size_t n_bytes);

    // Throws INTERNAL with the device's message if something failed since the last time.
    void wait();

    // Launches and copies between the two calls are kept instead of done.
    void                       begin_recording();
    std::unique_ptr<recording> end_recording();
    void                       run(const recording & work);

    void * handle() const { return handle_; }

  private:
    void * handle_ = nullptr;
};

// A launch sequence with its arguments, to be run many times: a CUDA graph.
class recording {
  public:
    explicit recording(void * handle) : handle_(handle) {}
    ~recording();
    recording(const recording &)             = delete;
    recording & operator=(const recording &) = delete;

    void * handle() const { return handle_; }

  private:
    void * handle_;
};

struct launch_shape {
    uint32_t grid_x       = 1;
    uint32_t grid_y       = 1;
    uint32_t grid_z       = 1;
    uint32_t n_threads    = 256;
    size_t   shared_bytes = 0;
    bool     cooperative  = false;  // all blocks run at the same time, so that they may wait for one another
};

}  // namespace kstt::gpu
