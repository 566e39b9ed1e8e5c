#include "cuda/device-api.h"

#include "cuda/launch.cuh"
#include "runtime/error.h"

#include <utility>

namespace kstt::gpu {

namespace {

cudaStream_t stream_of(void * handle) {
    return static_cast<cudaStream_t>(handle);
}

std::string version_text(int version) {
    return format("%d.%d", version / 1000, version % 1000 / 10);
}

[[noreturn]] void fail_unavailable(const std::string & reason) {
    throw error(KSTT_STATUS_DEVICE_UNAVAILABLE, reason);
}

// A kernel that any build has: whether it can be loaded tells whether there is code for the device.
__global__ void try_code() {}

}  // namespace

void check_call(int code, const char * what) {
    if (code == cudaSuccess) {
        return;
    }
    const auto   error_code = static_cast<cudaError_t>(code);
    const char * text       = cudaGetErrorString(error_code);
    cudaGetLastError();
    const kstt_status status =
        error_code == cudaErrorMemoryAllocation ? KSTT_STATUS_OUT_OF_MEMORY : KSTT_STATUS_INTERNAL;
    throw error(status, format("CUDA: %s: %s", what, text));
}

device_properties open_device() {
    int driver  = 0;
    int runtime = 0;
    cudaRuntimeGetVersion(&runtime);
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        fail_unavailable("no NVIDIA driver is installed");
    }
    int       n_devices = 0;
    const int found     = cudaGetDeviceCount(&n_devices);
    if (found == cudaErrorInsufficientDriver) {
        fail_unavailable("the NVIDIA driver is made for CUDA " + version_text(driver) +
                         "; this build needs one for CUDA " + version_text(runtime));
    }
    if (found != cudaSuccess || n_devices == 0) {
        const char * text = cudaGetErrorString(static_cast<cudaError_t>(found));
        fail_unavailable(found != cudaSuccess ? format("CUDA found no device: %s", text) : "CUDA found no device");
    }
    cudaDeviceProp properties = {};
    check_call(cudaSetDevice(0), "choice of the device");
    check_call(cudaGetDeviceProperties(&properties, 0), "properties of the device");
    cudaFuncAttributes code = {};
    if (cudaFuncGetAttributes(&code, try_code) != cudaSuccess) {
        cudaGetLastError();
        fail_unavailable(format("this build has no code for %s (compute capability %d.%d)",
                                properties.name,
                                properties.major,
                                properties.minor));
    }
    size_t n_free  = 0;
    size_t n_total = 0;
    check_call(cudaMemGetInfo(&n_free, &n_total), "memory of the device");
    device_properties result;
    result.name           = properties.name;
    result.major          = properties.major;
    result.minor          = properties.minor;
    result.n_processors   = properties.multiProcessorCount;
    result.n_bytes        = static_cast<int64_t>(n_total);
    result.n_free_bytes   = static_cast<int64_t>(n_free);
    result.n_shared_bytes = static_cast<int32_t>(properties.sharedMemPerBlockOptin);
    return result;
}

device_memory::device_memory(size_t n_bytes) : n_bytes_(n_bytes) {
    if (n_bytes == 0) {
        return;
    }
    const int code = cudaMalloc(&data_, n_bytes);
    if (code != cudaSuccess) {
        cudaGetLastError();
        size_t n_free  = 0;
        size_t n_total = 0;
        cudaMemGetInfo(&n_free, &n_total);
        throw error(
            KSTT_STATUS_OUT_OF_MEMORY,
            format("the GPU has %.1f MB free, %.1f MB more are needed; use fewer slots or a smaller weight type",
                   static_cast<double>(n_free) / 1e6,
                   static_cast<double>(n_bytes) / 1e6));
    }
    check_call(cudaMemset(data_, 0, n_bytes), "clearing of memory");
    // Our streams do not wait for the default stream by themselves.
    check_call(cudaStreamSynchronize(nullptr), "clearing of memory");
}

device_memory::~device_memory() {
    cudaFree(data_);
}

device_memory::device_memory(device_memory && other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}

device_memory & device_memory::operator=(device_memory && other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
}

pinned_memory::pinned_memory(size_t n_bytes) : n_bytes_(n_bytes) {
    check_call(cudaMallocHost(&data_, n_bytes), "pinned memory");
}

pinned_memory::~pinned_memory() {
    cudaFreeHost(data_);
}

pinned_memory::pinned_memory(pinned_memory && other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}

pinned_memory & pinned_memory::operator=(pinned_memory && other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
}

stream::stream() {
    cudaStream_t fresh = nullptr;
    check_call(cudaStreamCreateWithFlags(&fresh, cudaStreamNonBlocking), "stream");
    handle_ = fresh;
}

stream::~stream() {
    cudaStreamDestroy(stream_of(handle_));
}

void stream::upload(void * device, const void * host, size_t n_bytes) {
    check_call(cudaMemcpyAsync(device, host, n_bytes, cudaMemcpyHostToDevice, stream_of(handle_)), "upload");
}

void stream::download(void * host, const void * device, size_t n_bytes) {
    check_call(cudaMemcpyAsync(host, device, n_bytes, cudaMemcpyDeviceToHost, stream_of(handle_)), "download");
}

void stream::copy(void * to, const void * from, size_t n_bytes) {
    check_call(cudaMemcpyAsync(to, from, n_bytes, cudaMemcpyDeviceToDevice, stream_of(handle_)), "copy");
}

void stream::clear(void * device, size_t n_bytes) {
    check_call(cudaMemsetAsync(device, 0, n_bytes, stream_of(handle_)), "clearing of memory");
}

void stream::wait() {
    check_call(cudaStreamSynchronize(stream_of(handle_)), "work of the device");
}

void stream::begin_recording() {
    check_call(cudaStreamBeginCapture(stream_of(handle_), cudaStreamCaptureModeThreadLocal), "recording");
}

std::unique_ptr<recording> stream::end_recording() {
    cudaGraph_t     graph = nullptr;
    cudaGraphExec_t ready = nullptr;
    check_call(cudaStreamEndCapture(stream_of(handle_), &graph), "recording");
    const int code = cudaGraphInstantiate(&ready, graph, 0);
    cudaGraphDestroy(graph);
    check_call(code, "recording");
    return std::make_unique<recording>(ready);
}

void stream::run(const recording & work) {
    check_call(cudaGraphLaunch(static_cast<cudaGraphExec_t>(work.handle()), stream_of(handle_)), "launch");
}

recording::~recording() {
    cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(handle_));
}

}  // namespace kstt::gpu
