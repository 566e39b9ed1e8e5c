// What a pass of the decoder and of the codec takes for so many streams and steps, on the device of this build; JSON
// lines on stdout. KSTT_KERNEL_DIR as for the tests.
//   kstt_device_bench MODEL [--rows 1,8,64] [--columns 1,2,4,8] [--repeats 20] [--full]
// --columns: steps of one stream in one pass (what a draft costs). --full: rings are filled to the window first.
#include "runtime/device.h"
#include "capi/build-device.h"
#include "model/networks.h"
#include "runtime/error.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace kstt;

struct bench_options {
    std::string          model;
    std::vector<int32_t> rows    = { 1, 8 };
    std::vector<int32_t> columns = { 1, 2, 4, 8 };
    int32_t              repeats = 20;
    bool                 full    = false;
};

// Calls that are not counted: graphs are built and recorded in them.
constexpr int32_t warm_up = 3;

// Rows that are filled together: many columns in one pass, and no more scratch than a step of all rows needs.
constexpr int32_t fill_rows    = 64;
constexpr int32_t most_columns = 8;

std::vector<int32_t> read_list(const std::string & text) {
    std::vector<int32_t> values;
    for (size_t at = 0; at < text.size();
         at        = text.find(',', at) == std::string::npos ? text.size() : text.find(',', at) + 1) {
        values.push_back(std::atoi(text.c_str() + at));
    }
    return values;
}

bool read_options(int argc, char ** argv, bench_options & out) {
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        if (name == "--full") {
            out.full = true;
        } else if (name.rfind("--", 0) == 0 && i + 1 < argc) {
            const std::string value = argv[++i];
            if (name == "--rows") {
                out.rows = read_list(value);
            } else if (name == "--columns") {
                out.columns = read_list(value);
            } else if (name == "--repeats") {
                out.repeats = std::atoi(value.c_str());
            } else {
                return false;
            }
        } else {
            out.model = name;
        }
    }
    return !out.model.empty() && out.repeats > 0;
}

template <typename F>
std::vector<double> time_calls(int32_t repeats, const F & call) {
    std::vector<double> ms;
    for (int32_t i = 0; i < warm_up + repeats; i++) {
        const auto start = std::chrono::steady_clock::now();
        call();
        const auto end = std::chrono::steady_clock::now();
        if (i >= warm_up) {
            ms.push_back(std::chrono::duration<double, std::milli>(end - start).count());
        }
    }
    std::sort(ms.begin(), ms.end());
    return ms;
}

void print(const char * stage, int32_t rows, int32_t columns, const std::vector<double> & ms) {
    const double p50 = ms[ms.size() / 2];
    std::printf("{\"stage\":\"%s\",\"rows\":%d,\"columns\":%d,\"ms_p50\":%.4f,\"ms_p99\":%.4f,\"ms_min\":%.4f,"
                "\"frames_per_s\":%.1f}\n",
                stage,
                rows,
                columns,
                p50,
                ms[std::min(ms.size() - 1, ms.size() * 99 / 100)],
                ms.front(),
                rows * columns / p50 * 1000.0);
    std::fflush(stdout);
}

decoder_call make_call(const stt_model & model, int32_t first, int32_t rows, int32_t columns, std::mt19937 & random) {
    const decoder_config & config = model.config.decoder;
    decoder_call           call;
    call.n_columns = columns;
    call.slots.resize(static_cast<size_t>(rows));
    std::iota(call.slots.begin(), call.slots.end(), first);
    for (int32_t i = 0; i < rows * columns; i++) {
        call.ids.push_back(config.pad_token_id);
        for (int32_t k = 0; k < config.num_codebooks; k++) {
            call.ids.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(config.codebook_vocab_size - 1)));
        }
    }
    return call;
}

void bench_decoder(const stt_model & model, networks & device, const bench_options & options) {
    const int64_t n_choices = model.config.decoder.vocab_size - 1;
    for (const int32_t rows : options.rows) {
        decoder_options wanted;
        wanted.n_slots              = rows;
        wanted.max_columns_per_call = most_columns;
        const auto   decoder        = device.make_decoder(wanted);
        std::mt19937 random(1);
        for (int32_t first = 0; options.full && first < rows; first += fill_rows) {
            const int32_t n = std::min(fill_rows, rows - first);
            for (int32_t done = 0; done < model.config.decoder.sliding_window; done += most_columns) {
                decoder->compute(make_call(model, first, n, most_columns, random), n_choices);
            }
        }
        for (const int32_t columns : options.columns) {
            if (rows > 1 && columns > 1) {
                continue;
            }
            print("decoder", rows, columns, time_calls(options.repeats, [&] {
                      decoder->compute(make_call(model, 0, rows, columns, random), n_choices);
                      (void) decoder->choice(0);
                  }));
        }
    }
}

void bench_codec(const stt_model & model, networks & device, const bench_options & options) {
    for (const int32_t rows : options.rows) {
        for (const int32_t frames : { 1, most_columns }) {
            if (rows > 1 && frames > 1) {
                continue;
            }
            mimi_options wanted;
            wanted.n_slots                              = rows;
            wanted.max_frames_per_call                  = frames;
            const auto                            codec = device.make_codec(wanted);
            std::mt19937                          random(2);
            std::uniform_real_distribution<float> noise(-0.1F, 0.1F);
            mimi_call                             call;
            call.n_samples = frames * model.config.codec.frame_size();
            std::vector<float> pcm(static_cast<size_t>(call.n_samples));
            std::generate(pcm.begin(), pcm.end(), [&] { return noise(random); });
            for (int32_t row = 0; row < rows; row++) {
                call.slots.push_back(row);
                call.pcm.push_back(pcm.data());
            }
            std::vector<int32_t> codes;
            print("codec", rows, frames, time_calls(options.repeats, [&] { codec->encode(call, codes); }));
        }
    }
}

}  // namespace

int main(int argc, char ** argv) {
    bench_options options;
    if (!read_options(argc, argv, options)) {
        std::fprintf(stderr, "usage: kstt_device_bench MODEL [--rows LIST] [--columns LIST] [--repeats N] [--full]\n");
        return 2;
    }
    try {
        load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
        check_build_device();
        const network_device kind = build_device();
        compute_backend      backend(n_hardware_threads());
        const auto           model  = stt_model::load(open_model(options.model, {}), backend, kind.packed_weights);
        const auto           device = kind.open(*model, backend);
        std::printf("{\"stage\":\"environment\",\"device\":\"%s\",\"kernels\":\"%s\",\"threads\":%d,\"full\":%s}\n",
                    device->device().c_str(),
                    describe_kernels().c_str(),
                    backend.n_threads(),
                    options.full ? "true" : "false");
        bench_decoder(*model, *device, options);
        bench_codec(*model, *device, options);
    } catch (const std::exception & e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
