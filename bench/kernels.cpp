// Products of the 1b decoder's shapes, kind by kind: our kernels (through build_linear), ggml's plain kernels and
// ggml's repacked ones, interleaved in one process, beside what the memory gives in the same rounds. bench/README.md
// explains the fields. Usage: kstt_kernel_bench [--module FILE] [--threads 1,2] [--columns 1,8] [--kinds q8_0,f16]
// [--rounds N]
#include "kernel-bench.h"

#include "kernels/kernels.h"
#include "runtime/device.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

namespace {

using namespace kstt_bench;

std::vector<std::string> split(const std::string & text) {
    std::vector<std::string> parts;
    std::stringstream        stream(text);
    for (std::string part; std::getline(stream, part, ',');) {
        parts.push_back(part);
    }
    return parts;
}

struct settings {
    std::string              module;
    std::vector<std::string> threads = { "1", "2" };
    std::vector<std::string> columns = { "1", "2", "4", "8", "32" };
    std::vector<std::string> kinds   = { "q8_0", "q4_0", "q4_K", "bf16", "f16", "f32" };
    int                      rounds  = 7;
};

bool read_settings(int argc, char ** argv, settings & s) {
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (i + 1 == argc) {
            return false;
        }
        if (name == "--module") {
            s.module = argv[i + 1];
        } else if (name == "--threads") {
            s.threads = split(argv[i + 1]);
        } else if (name == "--columns") {
            s.columns = split(argv[i + 1]);
        } else if (name == "--kinds") {
            s.kinds = split(argv[i + 1]);
        } else if (name == "--rounds") {
            s.rounds = std::atoi(argv[i + 1]);
        } else {
            return false;
        }
    }
    return s.rounds > 0;
}

ggml_type type_named(const std::string & name) {
    for (int i = 0; i < GGML_TYPE_COUNT; i++) {
        const auto type = static_cast<ggml_type>(i);
        if (ggml_type_name(type) != nullptr && name == ggml_type_name(type)) {
            return type;
        }
    }
    return GGML_TYPE_COUNT;
}

void run(const settings & s, ggml_type type, ggml_module * module) {
    const matrices weights(type);
    for (const std::string & n_threads : s.threads) {
        for (const std::string & n_columns : s.columns) {
            const int                               threads = std::atoi(n_threads.c_str());
            const int                               columns = std::atoi(n_columns.c_str());
            std::vector<std::unique_ptr<contender>> all;
            all.push_back(make_ours(weights, columns, threads));
            if (module != nullptr) {
                for (const bool repacked : { false, true }) {
                    all.push_back(make_ggml(*module, weights, columns, threads, repacked));
                }
            }
            bandwidth_probe                memory(threads);
            std::vector<double>            read;
            std::map<contender *, samples> times;
            for (int round = 0; round < s.rounds; round++) {
                read.push_back(memory.measure());
                for (const auto & one : all) {
                    if (one != nullptr) {
                        measure(*one, times[one.get()]);
                    }
                }
            }
            const double gb_per_s = median(read);
            for (const auto & one : all) {
                if (one == nullptr) {
                    continue;
                }
                const samples & t     = times[one.get()];
                const double    flops = 2.0 * static_cast<double>(weights.n_weights()) * columns;
                const double    bytes = static_cast<double>(weights.n_bytes());
                std::printf("{\"kind\":\"%s\",\"layout\":\"%s\",\"kernels\":\"%s\",\"columns\":%d,\"threads\":%d,"
                            "\"gflop_per_s\":%.1f,"
                            "\"gflop_per_s_best\":%.1f,\"gflop_per_cpu_s\":%.1f,\"weight_gb_per_s\":%.2f,\"read_gb_per_"
                            "s\":%.2f}\n",
                            ggml_type_name(type),
                            one->layout(),
                            one->kernels(),
                            columns,
                            threads,
                            flops / median(t.wall) * 1e-9,
                            flops / smallest(t.wall) * 1e-9,
                            flops / median(t.cpu) * 1e-9,
                            bytes / median(t.wall) * 1e-9,
                            gb_per_s);
                std::fflush(stdout);
            }
        }
    }
}

}  // namespace

int main(int argc, char ** argv) {
    settings s;
    ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    // The modules lie beside this program.
    const std::string program = argv[0];
    const size_t      slash   = program.rfind('/');
    kstt::load_cpu_device(slash == std::string::npos ? "." : program.substr(0, slash).c_str());
    if (!read_settings(argc, argv, s)) {
        std::fprintf(stderr,
                     "Usage: kstt_kernel_bench [--module FILE] [--threads 1,2] [--columns 1,8] [--kinds q8_0,f16] "
                     "[--rounds N]\n");
        return 2;
    }
    std::unique_ptr<ggml_module> module;
    if (!s.module.empty()) {
        module = open_ggml_module(s.module);
        if (module == nullptr) {
            std::fprintf(stderr, "%s is not a ggml CPU module for this processor\n", s.module.c_str());
            return 1;
        }
    }
    for (const std::string & kind : s.kinds) {
        const ggml_type type = type_named(kind);
        if (type == GGML_TYPE_COUNT) {
            std::fprintf(stderr, "ggml has no type %s\n", kind.c_str());
            return 2;
        }
        run(s, type, module.get());
    }
    return 0;
}
