// Long runs of live sessions with the embedded model, in C++ so that they measure the core alone. JSON lines on stdout.
//   kstt_soak crowd STEPS   64 sessions that join, leave, flush, are cancelled and moved at random
//   kstt_soak day HOURS     one session, flushed every quarter of an hour
// Run from the repository root; KSTT_KERNEL_DIR as for the tests.
#include "live-session.h"
#include "runtime/device.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#if defined(__linux__)
#    include <malloc.h>
#    include <unistd.h>
#endif

namespace {

using namespace kstt;

// Resident memory; 0 where the system has no /proc.
int64_t resident_bytes() {
#if defined(__linux__)
    malloc_trim(0);
    std::ifstream file("/proc/self/statm");
    int64_t       total    = 0;
    int64_t       resident = 0;
    file >> total >> resident;
    return resident * sysconf(_SC_PAGESIZE);
#else
    return 0;
#endif
}

double minutes_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 60.0;
}

double growth(int64_t now, int64_t settled) {
    return settled > 0 ? static_cast<double>(now) / static_cast<double>(settled) - 1.0 : 0.0;
}

engine_options slots(int32_t n) {
    engine_options options;
    options.n_slots   = n;
    options.n_threads = 1;
    return options;
}

session_options options_for(uint32_t i) {
    session_options options;
    options.partials            = i % 2 == 0;
    options.turn.enabled        = i % 3 == 0;
    options.refresh.enabled     = i % 4 != 3;
    // Short ages, so that takes of a few seconds are renewed, too.
    options.refresh.pause_steps = 40;
    options.refresh.limit_steps = 60;
    return options;
}

int crowd(int64_t n_steps) {
    constexpr uint32_t              n_seats = 64;
    constexpr uint32_t              n_kinds = 24;
    std::vector<std::vector<float>> takes;
    takes.reserve(digit_takes().size());
    for (size_t i = 0; i < digit_takes().size(); i++) {
        takes.push_back(digit_take(i));
    }
    std::vector<std::vector<std::string>> alone;
    {
        engine single(digits_folder, slots(1));
        for (uint32_t i = 0; i < n_kinds; i++) {
            alone.push_back(hear(single, options_for(i), takes[i % takes.size()]).lines());
        }
    }
    struct seat {
        std::unique_ptr<live_stream> stream;
        uint32_t                     kind  = 0;
        size_t                       at    = 0;
        bool                         ended = false;
    };
    engine            owner(digits_folder, slots(n_seats));
    std::vector<seat> seats(n_seats);
    std::mt19937      random(23);
    int64_t           done = 0, settled = 0, joined = 0, finished = 0, cancelled = 0, moved = 0, wrong = 0;
    const auto        start  = std::chrono::steady_clock::now();
    int64_t           report = n_steps / 10;
    while (done < n_steps) {
        for (seat & one : seats) {
            if (one.stream == nullptr) {
                if (random() % 4 != 0) {
                    continue;
                }
                one        = seat();
                one.kind   = random() % n_kinds;
                one.stream = std::make_unique<live_stream>(owner, options_for(one.kind));
                joined++;
            }
            if (one.ended) {
                continue;
            }
            const std::vector<float> & pcm = takes[one.kind % takes.size()];
            const size_t               n   = std::min<size_t>(random() % 8000, pcm.size() - one.at);
            one.stream->push(pcm, one.at, n);
            one.at += n;
            if (one.at == pcm.size()) {
                (*one.stream)->end();
                one.ended = true;
            }
        }
        done += owner.step(3);
        for (seat & one : seats) {
            if (one.stream == nullptr) {
                continue;
            }
            one.stream->poll();
            if (one.stream->result.count(KSTT_EVENT_END) > 0) {
                wrong += one.stream->result.lines() == alone[one.kind] ? 0 : 1;
                finished++;
                one.stream.reset();
            } else if (random() % 400 == 0) {
                cancelled++;
                one.stream.reset();
            } else if (random() % 200 == 0) {
                live_result                kept  = one.stream->result;
                const std::vector<uint8_t> bytes = one.stream->snapshot();
                one.stream.reset();
                one.stream         = std::make_unique<live_stream>(owner, bytes);
                one.stream->result = kept;
                moved++;
            }
        }
        if (done >= report) {
            const int64_t resident = resident_bytes();
            // By the second report every shape of batch has been seen.
            settled                = report >= n_steps / 5 && settled == 0 ? resident : settled;
            std::printf("{\"stage\":\"crowd\",\"steps\":%lld,\"joined\":%lld,\"ended\":%lld,\"cancelled\":%lld,"
                        "\"moved\":%lld,\"wrong\":%lld,\"rss_bytes\":%lld,\"rss_growth\":%.4f,\"minutes\":%.2f}\n",
                        static_cast<long long>(done),
                        static_cast<long long>(joined),
                        static_cast<long long>(finished),
                        static_cast<long long>(cancelled),
                        static_cast<long long>(moved),
                        static_cast<long long>(wrong),
                        static_cast<long long>(resident),
                        growth(resident, settled),
                        minutes_since(start));
            std::fflush(stdout);
            report += n_steps / 10;
        }
    }
    return wrong == 0 ? 0 : 1;
}

int day(double hours) {
    std::vector<std::vector<float>> takes;
    std::vector<size_t>             n_words;
    engine                          owner(digits_folder, slots(1));
    for (size_t i = 0; i < digit_takes().size(); i++) {
        takes.push_back(digit_take(i));
        n_words.push_back(hear(owner, {}, takes.back()).count(KSTT_EVENT_WORD));
    }
    session_options options;
    options.priority        = session_priority::file;
    options.refresh.enabled = true;
    live_stream  stream(owner, options);
    std::mt19937 random(29);
    int64_t      n_samples = 0;
    int64_t      settled   = 0;
    int32_t      n_wrong   = 0;
    double       last      = 0.0;
    const auto   start     = std::chrono::steady_clock::now();
    for (int32_t quarter = 1; quarter <= static_cast<int32_t>(hours * 4); quarter++) {
        size_t expected = 0;
        while (n_samples < int64_t{ 900 } * 24000 * quarter) {
            const size_t             i = random() % takes.size();
            const std::vector<float> gap(random() % 12000, 0.0F);
            stream.push(takes[i]);
            stream.push(gap);
            n_samples += static_cast<int64_t>(takes[i].size() + gap.size());
            expected += n_words[i];
            owner.step(1000);
        }
        stream->flush();
        stream.drain();
        double longest = 0.0;
        double clock   = -1.0;
        for (const session_event & each : stream.result.events) {
            if (each.type == KSTT_EVENT_WORD) {
                n_wrong += each.start < last ? 1 : 0;
                longest = std::max(longest, each.start - last);
                last    = each.start;
            } else if (each.type == KSTT_EVENT_FLUSHED) {
                clock = each.end - static_cast<double>(n_samples) / 24000.0;
            }
        }
        const int64_t resident = resident_bytes();
        settled                = settled == 0 ? resident : settled;
        std::printf("{\"stage\":\"day\",\"hours\":%.2f,\"words\":%zu,\"words_alone\":%zu,\"longest_gap_s\":%.2f,"
                    "\"times_out_of_order\":%d,\"clock_error_s\":%.3g,\"refreshes\":%zu,\"stalls\":%zu,"
                    "\"rss_bytes\":%lld,\"rss_growth\":%.4f,\"minutes\":%.2f}\n",
                    quarter / 4.0,
                    stream.result.count(KSTT_EVENT_WORD),
                    expected,
                    longest,
                    n_wrong,
                    clock,
                    stream.result.count(KSTT_EVENT_REFRESH),
                    stream.result.count(KSTT_EVENT_REFRESH, KSTT_REFRESH_STALL),
                    static_cast<long long>(resident),
                    growth(resident, settled),
                    minutes_since(start));
        std::fflush(stdout);
        stream.result.events.clear();
    }
    return n_wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char ** argv) {
    const std::string mode = argc == 3 ? argv[1] : "";
    if (mode != "crowd" && mode != "day") {
        std::fprintf(stderr, "usage: kstt_soak crowd STEPS | day HOURS\n");
        return 2;
    }
    try {
        load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
        return mode == "crowd" ? crowd(std::atoll(argv[2])) : day(std::atof(argv[2]));
    } catch (const std::exception & e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
