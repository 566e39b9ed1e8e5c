// What a pass of the decoder and of the codec takes for so many streams and steps, on the device of this build; JSON
// lines on stdout. KSTT_KERNEL_DIR as for the tests.
//   kstt_device_bench MODEL [--rows 1,8,64] [--columns 1,2,4,8] [--repeats 20] [--full] [--agree FRAMES]
// --columns: steps of one stream in one pass (what a draft costs). --full: rings are filled to the window first.
// --agree: first compares the codes of so many frames with the CPU's.
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
    int32_t              agree   = 0;
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
            } else if (name == "--agree") {
                out.agree = std::atoi(value.c_str());
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

mimi_call make_codec_call(const stt_model & model, int32_t rows, int32_t frames, std::vector<float> & pcm) {
    std::mt19937                          random(2);
    std::uniform_real_distribution<float> noise(-0.1F, 0.1F);
    mimi_call                             call;
    call.n_samples = int64_t{ frames } * model.config.codec.frame_size();
    pcm.resize(static_cast<size_t>(call.n_samples));
    std::generate(pcm.begin(), pcm.end(), [&] { return noise(random); });
    for (int32_t row = 0; row < rows; row++) {
        call.slots.push_back(row);
        call.pcm.push_back(pcm.data());
    }
    return call;
}

void fill_rings(const stt_model & model, decoder_network & decoder, int32_t rows) {
    std::mt19937 random(3);
    for (int32_t first = 0; first < rows; first += fill_rows) {
        const int32_t n = std::min(fill_rows, rows - first);
        for (int32_t done = 0; done < model.config.decoder.sliding_window; done += most_columns) {
            decoder.compute(make_call(model, first, n, most_columns, random), 1);
        }
    }
}

// Streams that take a step together: the decoder, the codec, and both one after the other, as a live step does.
void bench_rows(const stt_model & model, networks & device, const bench_options & options, int32_t rows) {
    const int64_t   n_choices = model.config.decoder.vocab_size - 1;
    decoder_options text;
    text.n_slots              = rows;
    text.max_columns_per_call = most_columns;
    mimi_options codec;
    codec.n_slots              = rows;
    codec.max_frames_per_call  = rows == 1 ? most_columns : 1;
    const auto         decoder = device.make_decoder(text);
    const auto         encoder = device.make_codec(codec);
    std::mt19937       random(1);
    std::vector<float> pcm;
    if (options.full) {
        fill_rings(model, *decoder, rows);
    }
    for (const int32_t columns : options.columns) {
        if (rows == 1 || columns == 1) {
            print("decoder", rows, columns, time_calls(options.repeats, [&] {
                      decoder->compute(make_call(model, 0, rows, columns, random), n_choices);
                      (void) decoder->choice(0);
                  }));
        }
    }
    std::vector<int32_t> codes;
    for (int32_t frames = 1; frames <= codec.max_frames_per_call; frames *= most_columns) {
        const mimi_call call = make_codec_call(model, rows, frames, pcm);
        print("codec", rows, frames, time_calls(options.repeats, [&] { encoder->encode(call, codes); }));
    }
    const mimi_call    frame = make_codec_call(model, rows, 1, pcm);
    const decoder_call step  = make_call(model, 0, rows, 1, random);
    print("step", rows, 1, time_calls(options.repeats, [&] {
              encoder->encode(frame, codes);
              decoder->compute(step, n_choices);
              (void) decoder->choice(0);
          }));
}

// Codes of this device beside the CPU's.
void compare_codes(const stt_model & model, networks & device, compute_backend & backend, int32_t n_frames) {
    mimi_options options;
    options.max_frames_per_call  = most_columns;
    const auto           cpu     = cpu_device().open(model, backend);
    const auto           ours    = device.make_codec(options);
    const auto           theirs  = cpu->make_codec(options);
    const auto           n       = static_cast<size_t>(model.config.codec.num_quantizers);
    int64_t              n_same  = 0;
    int64_t              n_first = 0;
    int64_t              n_all   = 0;
    std::vector<float>   pcm;
    std::vector<int32_t> found;
    std::vector<int32_t> expected;
    for (int32_t done = 0; done < n_frames; done += most_columns) {
        const mimi_call call = make_codec_call(model, 1, most_columns, pcm);
        // Loud and soft by turns; the codec's state makes every piece another one.
        for (size_t i = 0; i < pcm.size(); i++) {
            pcm[i] *= static_cast<float>(done / most_columns % 5 + 1) * (i / 4000 % 2 == 0 ? 1.0F : 0.1F);
        }
        ours->encode(call, found);
        theirs->encode(call, expected);
        for (size_t i = 0; i < expected.size(); i++) {
            n_same += found[i] == expected[i] ? 1 : 0;
            n_first += i % n == 0 && found[i] == expected[i] ? 1 : 0;
        }
        n_all += static_cast<int64_t>(expected.size());
    }
    std::printf("{\"stage\":\"codes\",\"frames\":%lld,\"first_codebook_equal\":%.6f,\"equal\":%.6f}\n",
                static_cast<long long>(n_all / static_cast<int64_t>(n)),
                static_cast<double>(n_first) * static_cast<double>(n) / static_cast<double>(n_all),
                static_cast<double>(n_same) / static_cast<double>(n_all));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char ** argv) {
    bench_options options;
    if (!read_options(argc, argv, options)) {
        std::fprintf(stderr,
                     "usage: kstt_device_bench MODEL [--rows LIST] [--columns LIST] [--repeats N] [--full] "
                     "[--agree FRAMES]\n");
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
        if (options.agree > 0) {
            compare_codes(*model, *device, backend, options.agree);
        }
        for (const int32_t rows : options.rows) {
            try {
                bench_rows(*model, *device, options, rows);
            } catch (const error & e) {
                // So many streams are too many for this device; fewer may do.
                std::printf("{\"stage\":\"error\",\"rows\":%d,\"message\":\"%s\"}\n", rows, e.what());
                std::fflush(stdout);
            }
        }
    } catch (const std::exception & e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
