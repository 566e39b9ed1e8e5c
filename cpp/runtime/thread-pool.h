// Threads that share out the chunks of one job at a time. The caller works too, and takes whatever a thread that the
// system has put aside has not begun: on a busy machine a step waits for one chunk at most, not for a whole time slice
// per node, as barriers between all nodes of a graph would make it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace kstt {

class thread_pool {
  public:
    // n_threads >= 1, the caller included. Where the system gives no more threads there are fewer: n_threads() says how
    // many. In WebAssembly that is the rule, since threads come from workers that the page has started before.
    explicit thread_pool(int32_t n_threads);
    ~thread_pool();
    thread_pool(const thread_pool &)             = delete;
    thread_pool & operator=(const thread_pool &) = delete;

    int32_t n_threads() const { return static_cast<int32_t>(workers_.size()) + 1; }

    // Calls body(chunk, thread) for every chunk in [0, n_chunks), thread in [0, n_threads); returns when all are done.
    // body must not throw. One caller at a time.
    template <typename F>
    void run(int64_t n_chunks, const F & body) {
        if (n_chunks == 1 || workers_.empty()) {
            for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
                body(chunk, 0);
            }
            return;
        }
        run_job([](const void * context,
                   int64_t      chunk,
                   int32_t      thread) { (*static_cast<const F *>(context))(chunk, thread); },
                &body,
                n_chunks);
    }

  private:
    using job_function = void (*)(const void * context, int64_t chunk, int32_t thread);

    void run_job(job_function function, const void * context, int64_t n_chunks);
    void take_chunks(uint32_t epoch, int32_t thread);
    void work(int32_t thread);
    void wait_for_job(uint32_t last_epoch);

    std::vector<std::thread> workers_;

    // The job. Its fields change only while no chunk of it is left, so whoever has taken a chunk may read them.
    std::atomic<job_function> function_{ nullptr };
    std::atomic<const void *> context_{ nullptr };
    std::atomic<uint32_t>     n_chunks_{ 0 };
    std::atomic<uint32_t>     n_done_{ 0 };
    // Epoch of the job in the high half, next chunk in the low half: a chunk can only be taken from the job one meant.
    std::atomic<uint64_t>     next_{ 0 };

    std::mutex              sleep_lock_;
    std::condition_variable wake_;
    std::atomic<int32_t>    n_asleep_{ 0 };
    std::atomic<bool>       stopping_{ false };
};

}  // namespace kstt
