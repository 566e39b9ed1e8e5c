// device-api.h on the host: memory is the host's, work is done at once or kept in a list.
#include "emulation/device-functions.h"
#include "emulation/launch.h"
#include "runtime/error.h"

#include <new>
#include <utility>

namespace kstt::gpu {

namespace emulation {

void run_grid(const launch_shape & shape, const std::function<void()> & body);

namespace {

using work_list = std::vector<std::function<void()>>;

struct emulated_stream {
    std::unique_ptr<work_list> recorded;  // nullptr: work is done at once
};

void submit(stream & on, std::function<void()> work) {
    auto & state = *static_cast<emulated_stream *>(on.handle());
    if (state.recorded != nullptr) {
        state.recorded->push_back(std::move(work));
    } else {
        work();
    }
}

// Bytes on either side that must stay as they are.
constexpr size_t guard_bytes = 64;
constexpr char   guard_value = 0x5a;

void * allocate(size_t n_bytes, char fill) {
    auto * memory = static_cast<char *>(::operator new(n_bytes + 2 * guard_bytes, std::align_val_t{ 256 }));
    std::memset(memory, guard_value, guard_bytes);
    std::memset(memory + guard_bytes, fill, n_bytes);
    std::memset(memory + guard_bytes + n_bytes, guard_value, guard_bytes);
    return memory + guard_bytes;
}

void release(void * data, size_t n_bytes) {
    if (data == nullptr) {
        return;
    }
    char * memory = static_cast<char *>(data) - guard_bytes;
    for (size_t i = 0; i < guard_bytes; i++) {
        if (memory[i] != guard_value || memory[guard_bytes + n_bytes + i] != guard_value) {
            std::fprintf(stderr, "memory beside a buffer of %zu bytes was written\n", n_bytes);
            std::abort();
        }
    }
    ::operator delete(memory, std::align_val_t{ 256 });
}

}  // namespace

void launch_body(stream & on, const launch_shape & shape, std::function<void()> body) {
    submit(on, [shape, run = std::move(body)] { run_grid(shape, run); });
}

}  // namespace emulation

using emulation::submit;

device_properties open_device() {
    device_properties device;
    device.name           = "emulated";
    device.n_processors   = 4;
    device.n_bytes        = int64_t{ 8 } << 30;
    device.n_free_bytes   = device.n_bytes;
    device.n_shared_bytes = 227 << 10;
    return device;
}

device_memory::device_memory(size_t n_bytes) : data_(emulation::allocate(n_bytes, 0)), n_bytes_(n_bytes) {}

device_memory::~device_memory() {
    emulation::release(data_, n_bytes_);
}

device_memory::device_memory(device_memory && other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}

device_memory & device_memory::operator=(device_memory && other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
}

pinned_memory::pinned_memory(size_t n_bytes) : data_(::operator new(n_bytes)), n_bytes_(n_bytes) {}

pinned_memory::~pinned_memory() {
    ::operator delete(data_);
}

pinned_memory::pinned_memory(pinned_memory && other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}

pinned_memory & pinned_memory::operator=(pinned_memory && other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
}

stream::stream() : handle_(new emulation::emulated_stream) {}

stream::~stream() {
    delete static_cast<emulation::emulated_stream *>(handle_);
}

void stream::upload(void * device, const void * host, size_t n_bytes) {
    submit(*this, [=] { std::memcpy(device, host, n_bytes); });
}

void stream::download(void * host, const void * device, size_t n_bytes) {
    submit(*this, [=] { std::memcpy(host, device, n_bytes); });
}

void stream::copy(void * to, const void * from, size_t n_bytes) {
    submit(*this, [=] { std::memcpy(to, from, n_bytes); });
}

void stream::clear(void * device, size_t n_bytes) {
    submit(*this, [=] { std::memset(device, 0, n_bytes); });
}

void stream::wait() {}

void stream::begin_recording() {
    static_cast<emulation::emulated_stream *>(handle_)->recorded = std::make_unique<emulation::work_list>();
}

std::unique_ptr<recording> stream::end_recording() {
    return std::make_unique<recording>(static_cast<emulation::emulated_stream *>(handle_)->recorded.release());
}

void stream::run(const recording & work) {
    for (const auto & each : *static_cast<const emulation::work_list *>(work.handle())) {
        each();
    }
}

recording::~recording() {
    delete static_cast<emulation::work_list *>(handle_);
}

float half_to_float(uint16_t bits) {
    const uint32_t sign     = static_cast<uint32_t>(bits & 0x8000U) << 16;
    const uint32_t rest     = bits & 0x7fffU;
    const float    scaled   = float_of(rest << 13) * 0x1p112F;
    const uint32_t infinite = rest >= 0x7c00U ? 0x7f800000U : 0U;
    return float_of(bits_of(scaled) | infinite | sign);
}

uint16_t float_to_half(float value) {
    const uint32_t u    = bits_of(value);
    const uint32_t sign = (u >> 16) & 0x8000U;
    const uint32_t rest = u & 0x7fffffffU;
    uint32_t       half = 0;
    if (rest >= 0x47800000U) {
        half = rest > 0x7f800000U ? 0x7e00U : 0x7c00U;
    } else if (rest < 0x38800000U) {
        half = bits_of(float_of(rest) + 0.5F) - 0x3f000000U;
    } else {
        half = (rest - 0x38000000U + 0xfffU + ((rest >> 13) & 1U)) >> 13;
    }
    return static_cast<uint16_t>(sign | half);
}

namespace {

struct product_operands {
    uint32_t a[4];
    uint32_t b[2];
};

float element(uint32_t pair, int index) {
    return float_of(index == 0 ? pair << 16 : pair & 0xffff0000U);
}

}  // namespace

void multiply_fragments(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    product_operands own;
    std::memcpy(own.a, a, sizeof(own.a));
    std::memcpy(own.b, b, sizeof(own.b));
    static_assert(sizeof(own) <= emulation::meeting_stride, "a warp's meeting carries that much");
    const char * all  = emulation::meet_warp(emulation::meeting::product, &own, sizeof(own));
    const auto   from = [&](uint32_t lane) {
        return reinterpret_cast<const product_operands *>(all + lane * emulation::meeting_stride);
    };
    const uint32_t lane = threadIdx.x & 31U;
    const uint32_t row  = lane / 4;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t half   = i / 2;                   // rows 8 to 15
        const uint32_t column = (lane % 4) * 2 + i % 2;  // of the 8
        float          sum    = c[i];
        for (uint32_t t = 0; t < 4; t++) {  // k = 2t, 2t + 1, then 2t + 8, 2t + 9
            const product_operands * left  = from(row * 4 + t);
            const product_operands * right = from(column * 4 + t);
            for (int e = 0; e < 2; e++) {
                sum += element(left->a[half], e) * element(right->b[0], e);
                sum += element(left->a[2 + half], e) * element(right->b[1], e);
            }
        }
        c[i] = sum;
    }
}

}  // namespace kstt::gpu
