#include "runtime/thread-pool.h"

#include <chrono>
#include <system_error>

#if defined(__x86_64__) || defined(_M_X64)
#    include <immintrin.h>
#endif

namespace kstt {

namespace {

// Between two jobs of one step lie a few microseconds; between two steps of a live stream, tens of milliseconds. So a
// thread stays awake for the first and sleeps through the second.
constexpr int32_t n_spins  = 200;  // pauses, some microseconds
constexpr auto    max_wait = std::chrono::microseconds(200);

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

uint32_t epoch_of(uint64_t next) {
    return static_cast<uint32_t>(next >> 32);
}

}  // namespace

thread_pool::thread_pool(int32_t n_threads) {
    for (int32_t i = 1; i < n_threads; i++) {
        try {
            workers_.emplace_back([this, i] { work(i); });
        } catch (const std::system_error &) {
            break;
        }
    }
}

thread_pool::~thread_pool() {
    {
        const std::lock_guard<std::mutex> hold(sleep_lock_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread & worker : workers_) {
        worker.join();
    }
}

void thread_pool::take_chunks(uint32_t epoch, int32_t thread) {
    uint64_t next = next_.load(std::memory_order_acquire);
    while (epoch_of(next) == epoch && static_cast<uint32_t>(next) < n_chunks_.load(std::memory_order_acquire)) {
        const job_function function = function_.load(std::memory_order_relaxed);
        const void *       context  = context_.load(std::memory_order_relaxed);
        if (next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            function(context, static_cast<uint32_t>(next), thread);
            n_done_.fetch_add(1, std::memory_order_release);
            next = next_.load(std::memory_order_acquire);
        }
    }
}

void thread_pool::run_job(job_function function, const void * context, int64_t n_chunks) {
    // Close the old job before its fields change: a thread that still looks at it then fails to take a chunk, because
    // whoever sees the new n_chunks_ (acquire) also sees the closed state.
    const uint32_t last  = epoch_of(next_.load(std::memory_order_relaxed));
    const uint32_t epoch = last + 1;
    next_.store((static_cast<uint64_t>(last) << 32) | UINT32_MAX);
    function_.store(function, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    n_done_.store(0, std::memory_order_relaxed);
    n_chunks_.store(static_cast<uint32_t>(n_chunks), std::memory_order_release);
    next_.store(static_cast<uint64_t>(epoch) << 32);
    if (n_asleep_.load() > 0) {
        {
            const std::lock_guard<std::mutex> hold(sleep_lock_);
        }
        wake_.notify_all();
    }
    take_chunks(epoch, 0);
    for (int32_t spins = 0; n_done_.load(std::memory_order_acquire) < static_cast<uint32_t>(n_chunks); spins++) {
        if (spins < n_spins) {
            pause();
        } else {
            std::this_thread::yield();  // let the thread that holds the last chunk run
        }
    }
}

void thread_pool::wait_for_job(uint32_t last_epoch) {
    const auto has_job = [&] { return stopping_ || epoch_of(next_.load()) != last_epoch; };
    for (int32_t i = 0; i < n_spins; i++) {
        if (has_job()) {
            return;
        }
        pause();
    }
    const auto until = std::chrono::steady_clock::now() + max_wait;
    while (std::chrono::steady_clock::now() < until) {
        if (has_job()) {
            return;
        }
        std::this_thread::yield();
    }
    std::unique_lock<std::mutex> hold(sleep_lock_);
    n_asleep_.fetch_add(1);
    wake_.wait(hold, has_job);
    n_asleep_.fetch_sub(1);
}

void thread_pool::work(int32_t thread) {
    uint32_t epoch = 0;
    for (;;) {
        wait_for_job(epoch);
        if (stopping_) {
            return;
        }
        epoch = epoch_of(next_.load(std::memory_order_acquire));
        take_chunks(epoch, thread);
    }
}

}  // namespace kstt
