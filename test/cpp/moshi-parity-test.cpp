// Sessions against the `moshi` package's own streaming loop on a checkpoint in the original layout: codes and tokens
// one by one, pause predictions to 1e-4. Results: moshi.json of tools/oracle/make-layout-fixtures.py, or of a folder
// given on the command line (tools/oracle/compare-moshi.py), which holds both the checkpoint and the results.
#include "check.h"
#include "io/json-file.h"
#include "model/mimi-encoder.h"
#include "model/text-decoder.h"
#include "parity-signal.h"
#include "runtime/device.h"
#include "session/engine.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace kstt;

struct compared_files {
    std::string checkpoint;
    std::string results;
};

// The small fixture, or what the command line names.
compared_files & files() {
    static compared_files named = { std::string(KSTT_SOURCE_DIR) + "/test/fixtures/layouts/candle-f32",
                                    std::string(KSTT_SOURCE_DIR) + "/test/fixtures/layouts/moshi.json" };
    return named;
}

struct moshi_results {
    uint32_t                          seed     = 0;
    int64_t                           n_frames = 0;
    std::vector<std::vector<int32_t>> codes;   // [frame][n_q]
    std::vector<int32_t>              tokens;  // [1 + frame]
    std::vector<std::vector<float>>   heads;   // [1 + frame][head * class], empty without heads
};

moshi_results read_results() {
    const json_value root = json_value::read(files().results, size_t{ 64 } << 20U);
    moshi_results    results;
    results.seed     = static_cast<uint32_t>(root.at("seed").integer(0, UINT32_MAX));
    results.n_frames = root.at("frames").integer(1, INT32_MAX);
    results.tokens   = root.at("tokens").raw().get<std::vector<int32_t>>();
    results.codes    = root.at("codes").raw().get<std::vector<std::vector<int32_t>>>();
    for (const auto & step : root.at("heads").raw()) {
        std::vector<float> flat;
        for (const auto & head : step) {
            for (const auto & value : head) {
                flat.push_back(value.get<float>());
            }
        }
        results.heads.push_back(std::move(flat));
    }
    return results;
}

const moshi_results & expected() {
    static const moshi_results results = read_results();
    return results;
}

compute_backend & backend() {
    static compute_backend one(static_cast<int>(n_hardware_threads()));
    return one;
}

const stt_model & model() {
    static const std::unique_ptr<stt_model> loaded = stt_model::load(open_model(files().checkpoint, {}), backend());
    return *loaded;
}

std::vector<float> signal() {
    return parity_signal(expected().seed, expected().n_frames * model().config.codec.frame_size());
}

// The codec as sessions run it: frame by frame, the first column of a frame seeing one key less (spec 3.4).
void test_codes() {
    mimi_encoder             encoder(model().mimi, {}, backend());
    const std::vector<float> pcm        = signal();
    const int64_t            frame_size = model().config.codec.frame_size();
    int64_t                  n_wrong    = 0;
    for (int64_t frame = 0; frame < expected().n_frames; frame++) {
        mimi_call call;
        call.slots     = { 0 };
        call.pcm       = { pcm.data() + frame * frame_size };
        call.n_samples = frame_size;
        std::vector<int32_t> codes;
        encoder.encode(call, codes);
        const std::vector<int32_t> & wanted = expected().codes.at(static_cast<size_t>(frame));
        CHECK_EQUAL(codes.size(), wanted.size());
        for (size_t q = 0; q < std::min(codes.size(), wanted.size()); q++) {
            n_wrong += codes[q] == wanted[q] ? 0 : 1;
        }
    }
    CHECK_EQUAL(n_wrong, 0);
    std::printf("codes: %lld frames, %lld differ\n",
                static_cast<long long>(expected().n_frames),
                static_cast<long long>(n_wrong));
}

void test_tokens() {
    engine          one(files().checkpoint, {});
    session_options options;
    options.prefix_seconds          = 0.0;
    options.tail_seconds            = 0.0;
    options.emit_tokens             = true;
    const auto               stream = one.create_session(options);
    const std::vector<float> pcm    = signal();
    one.push_pcm(*stream, pcm.data(), pcm.size(), one.model().config.codec.sampling_rate);
    stream->end();
    while (one.step(64) > 0) {
    }
    std::vector<int32_t> tokens;
    session_event        event;
    while (stream->poll(event)) {
        if (event.type == KSTT_EVENT_TOKEN) {
            tokens.push_back(event.token);
        }
    }
    // Both begin with the token of the step that has no audio.
    CHECK_EQUAL(tokens.size(), expected().tokens.size());
    int64_t n_wrong = 0;
    for (size_t i = 0; i < std::min(tokens.size(), expected().tokens.size()); i++) {
        n_wrong += tokens[i] == expected().tokens[i] ? 0 : 1;
    }
    CHECK_EQUAL(n_wrong, 0);
    std::printf("tokens: %zu, %lld differ\n", tokens.size(), static_cast<long long>(n_wrong));
}

// With moshi's own codes and tokens as input.
void test_heads() {
    const decoder_config & config = model().config.decoder;
    const bool             any    = !expected().heads.empty() && !expected().heads.front().empty();
    CHECK_EQUAL(config.num_extra_heads > 0, any);
    text_decoder decoder(model().decoder, {}, backend());
    CHECK(decoder.head_probabilities() == nullptr);
    const size_t n_values = static_cast<size_t>(config.num_extra_heads) * static_cast<size_t>(config.extra_head_dim);
    float        farthest = 0.0F;
    for (size_t step = 0; step < expected().tokens.size(); step++) {
        decoder_call call;
        call.slots = { 0 };
        call.ids.push_back(step == 0 ? config.vocab_size - 1 : expected().tokens[step - 1]);
        if (step == 0) {
            call.ids.insert(call.ids.end(), static_cast<size_t>(config.num_codebooks), config.audio_bos_token_id);
        } else {
            const std::vector<int32_t> & codes = expected().codes[step - 1];
            call.ids.insert(call.ids.end(), codes.begin(), codes.end());
        }
        decoder.step(call);
        const float * probabilities = decoder.head_probabilities();
        CHECK_EQUAL(probabilities != nullptr, any);
        for (size_t i = 0; any && i < n_values; i++) {
            farthest = std::max(farthest, std::abs(probabilities[i] - expected().heads[step].at(i)));
        }
    }
    CHECK(farthest < 1e-4F);
    std::printf("pause predictions: %d heads, largest difference %.2g\n",
                config.num_extra_heads,
                static_cast<double>(farthest));
}

}  // namespace

int main(int argc, char ** argv) {
    if (argc > 1) {
        files() = { argv[1], std::string(argv[1]) + "/moshi.json" };
    }
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run({ test_codes, test_tokens, test_heads });
}
