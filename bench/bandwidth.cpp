// Reads a buffer much larger than the caches with N threads and prints the best rate of several passes as JSON:
// the upper limit for an engine that reads all its weights once per step.
// Usage: kstt_bandwidth [threads] [MiB per thread]
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr int    n_passes = 7;
constexpr size_t n_lanes  = 16;  // independent sums, so that the adds do not wait for each other

uint64_t sum(const std::vector<uint64_t> & data) {
    uint64_t lanes[n_lanes] = {};
    for (size_t i = 0; i + n_lanes <= data.size(); i += n_lanes) {
        for (size_t lane = 0; lane < n_lanes; lane++) {
            lanes[lane] += data[i + lane];
        }
    }
    uint64_t total = 0;
    for (const uint64_t lane : lanes) {
        total += lane;
    }
    return total;
}

int argument(int argc, char ** argv, int index, int otherwise) {
    const int value = argc > index ? std::atoi(argv[index]) : otherwise;
    return value > 0 ? value : otherwise;
}

}  // namespace

int main(int argc, char ** argv) {
    const int    n_threads = argument(argc, argv, 1, 1);
    const size_t n_bytes   = static_cast<size_t>(argument(argc, argv, 2, 256)) << 20;

    std::vector<std::vector<uint64_t>> buffers(static_cast<size_t>(n_threads));
    for (auto & buffer : buffers) {
        buffer.assign(n_bytes / sizeof(uint64_t), 1);
    }
    double                best = 0;
    std::vector<uint64_t> sums(buffers.size());
    for (int pass = 0; pass < n_passes; pass++) {
        const auto               start = std::chrono::steady_clock::now();
        std::vector<std::thread> threads;
        threads.reserve(buffers.size());
        for (size_t i = 0; i < buffers.size(); i++) {
            threads.emplace_back([&, i] { sums[i] = sum(buffers[i]); });
        }
        for (auto & thread : threads) {
            thread.join();
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        const double                        rate    = static_cast<double>(n_bytes) * n_threads / seconds.count() / 1e9;
        best                                        = rate > best ? rate : best;
    }
    uint64_t check = 0;
    for (const uint64_t value : sums) {
        check += value;
    }
    if (check != n_bytes / sizeof(uint64_t) * buffers.size()) {
        std::fprintf(stderr, "the sums are wrong\n");
        return 1;
    }
    std::printf("{\"threads\":%d,\"read_gb_per_s\":%.2f}\n", n_threads, best);
    return 0;
}
