// Every chunk runs exactly once, whatever the number of threads, chunks, and jobs; also after the threads have slept.
#include "check.h"
#include "runtime/thread-pool.h"

#include <chrono>
#include <thread>
#include <vector>

namespace {

using namespace kstt;

void test_jobs(int32_t n_threads) {
    thread_pool pool(n_threads);
    CHECK_EQUAL(pool.n_threads(), n_threads);
    int64_t n_wrong = 0;
    for (int64_t job = 0; job < 20000; job++) {
        const int64_t        n_chunks = job % 17 + 1;
        std::vector<int32_t> runs(static_cast<size_t>(n_chunks), 0);
        std::vector<int32_t> by_thread(static_cast<size_t>(n_threads), 0);
        pool.run(n_chunks, [&](int64_t chunk, int32_t thread) {
            runs[static_cast<size_t>(chunk)]++;
            by_thread[static_cast<size_t>(thread)]++;  // each thread has an entry of its own
        });
        int64_t total = 0;
        for (const int32_t count : by_thread) {
            total += count;
        }
        n_wrong += total != n_chunks ? 1 : 0;
        for (const int32_t count : runs) {
            n_wrong += count != 1 ? 1 : 0;
        }
        if (job % 5000 == 4999) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    CHECK_EQUAL(n_wrong, int64_t{ 0 });
}

}  // namespace

int main() {
    for (const int32_t n_threads : { 1, 2, 3, 8 }) {
        test_jobs(n_threads);
    }
    return check_report();
}
