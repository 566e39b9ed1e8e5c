// Whole models on the device beside the CPU: codes, tokens, sessions, snapshots, generation. Under the emulation this
// runs the executors and kernels on the host.
#include "check.h"
#include "cuda/cuda-device.h"
#include "live-session.h"
#include "parity-signal.h"
#include "runtime/device.h"
#include "session/engine.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace kstt;

engine_options options_for(bool on_gpu, int32_t n_slots = 4) {
    engine_options options;
    options.n_slots   = n_slots;
    options.n_threads = 1;
    if (on_gpu) {
        options.device = cuda_device();
    }
    return options;
}

std::string fixture(const std::string & name) {
    return "test/fixtures/parity/" + name + "/checkpoint";
}

std::vector<int32_t> generate(engine &                   on,
                              const std::vector<float> & samples,
                              int32_t                    n_rows,
                              const generation_options & options = {}) {
    audio_batch batch;
    batch.samples   = samples;
    batch.n_rows    = n_rows;
    batch.n_samples = static_cast<int64_t>(samples.size()) / n_rows;
    const auto work = on.create_generation(batch, options);
    while (!on.advance(*work, 64).finished()) {
    }
    return work->tokens();
}

std::vector<int32_t> encode(engine & on, const std::vector<float> & samples) {
    audio_batch batch;
    batch.samples   = samples;
    batch.n_rows    = 1;
    batch.n_samples = static_cast<int64_t>(samples.size());
    const auto work = on.create_encoding(batch, nullptr);
    while (!on.advance(*work, 64).finished()) {
    }
    return work->codes();
}

// Codes and tokens equal the CPU's, one by one; the last frame is not whole.
void check_model(const std::string & path, int32_t n_frames, int32_t n_few) {
    engine                   cpu(path, options_for(false));
    engine                   gpu(path, options_for(true));
    const auto               frame_size = cpu.model().config.codec.frame_size();
    const std::vector<float> samples    = parity_signal(9, n_frames * frame_size + frame_size / 3);
    const std::vector<float> few(samples.begin(), samples.begin() + n_few * frame_size + frame_size / 3);
    CHECK(encode(cpu, few) == encode(gpu, few));
    const std::vector<int32_t> tokens = generate(cpu, samples, 1);
    CHECK(tokens == generate(gpu, samples, 1));
    std::vector<float> rows = parity_signal(10, n_few * frame_size);
    rows.insert(rows.end(), samples.begin(), samples.begin() + n_few * frame_size);
    CHECK(generate(cpu, rows, 2) == generate(gpu, rows, 2));
    // Rules look at the logits of all rows of a step.
    generation_options ruled;
    ruled.chooser.rules.suppress = { cpu.model().config.decoder.pad_token_id };
    CHECK(generate(cpu, rows, 2, ruled) == generate(gpu, rows, 2, ruled));
    CHECK_EQUAL(gpu.device() == "cpu", false);
}

void test_f32_models() {
    check_model(fixture("gqa-f32"), 36, 4);  // the decoder's window is 33 steps
    check_model(fixture("sharded-f32"), 4, 2);
    check_model(fixture("short-frames-f32"), 4, 2);
}

void test_16_bit_models() {
    check_model(fixture("bf16"), 6, 2);
    check_model(fixture("f16"), 6, 2);
}

// Spoken digits: the words, and the probabilities within what 16-bit activations leave.
void test_embedded_model() {
    std::vector<float> take = digit_take(0);
    take.resize(std::min<size_t>(take.size(), 24000));
    std::string texts[2];
    for (const bool on_gpu : { false, true }) {
        engine     one(digits_folder, options_for(on_gpu, 1));
        const auto stream = one.create_session({});
        stream->push_pcm(take.data(), take.size(), 24000);
        stream->end();
        while (one.step(64) > 0) {
        }
        session_event event;
        while (stream->poll(event)) {
            texts[on_gpu ? 1 : 0] += event.type == KSTT_EVENT_WORD ? event.text + " " : "";
        }
    }
    CHECK_EQUAL(texts[1], texts[0]);
    CHECK(!texts[1].empty());
}

using step_tokens = std::vector<int32_t>;

step_tokens drain(session & stream) {
    step_tokens   tokens;
    session_event event;
    while (stream.poll(event)) {
        if (event.type == KSTT_EVENT_TOKEN) {
            tokens.push_back(event.token);
        }
    }
    return tokens;
}

step_tokens run_alone(engine & on, const std::vector<float> & pcm, const session_options & options) {
    const auto stream = on.create_session(options);
    stream->push_pcm(pcm.data(), pcm.size(), on.model().config.codec.sampling_rate);
    stream->end();
    while (on.step(64) > 0) {
    }
    step_tokens tokens = drain(*stream);
    on.remove_session(stream);
    return tokens;
}

// Streams that join, pause, move to the other device and come back say what they say alone on the CPU.
void test_sessions() {
    engine          cpu(fixture("gqa-f32"), options_for(false));
    engine          gpu(fixture("gqa-f32"), options_for(true));
    session_options options;
    options.emit_tokens     = true;
    const int64_t      size = gpu.model().config.codec.frame_size();
    const int32_t      rate = gpu.model().config.codec.sampling_rate;
    std::vector<float> pcm[3];
    step_tokens        expected[3];
    for (uint32_t i = 0; i < 3; i++) {
        pcm[i]      = parity_signal(30 + i, 14 * size);
        expected[i] = run_alone(cpu, pcm[i], options);
    }
    CHECK(expected[0] != expected[1]);
    std::shared_ptr<session> streams[3];
    step_tokens              found[3];
    for (int64_t frame = 0; frame < 14 + 7; frame++) {
        for (int64_t i = 0; i < 3; i++) {
            const int64_t at = frame - 3 * i;
            if (at == 0) {
                streams[i] = gpu.create_session(options);
            }
            // The second stream gets two frames at a time, every other round.
            const int64_t n = i == 1 ? (at % 2 == 0 ? 2 : 0) : 1;
            if (at >= 0 && at < 14 && n > 0) {
                streams[i]->push_pcm(pcm[i].data() + at * size, static_cast<size_t>(n * size), rate);
            }
            if (at == 14) {
                streams[i]->end();
            }
        }
        while (gpu.step(4) > 0) {
        }
        if (frame == 6 || frame == 9) {
            // Over to the CPU for some frames, and back into whatever slot is free.
            engine &          from   = frame == 6 ? gpu : cpu;
            engine &          to     = frame == 6 ? cpu : gpu;
            const step_tokens so_far = drain(*streams[0]);
            found[0].insert(found[0].end(), so_far.begin(), so_far.end());
            const std::vector<uint8_t> bytes = from.save_session(streams[0]);
            from.remove_session(streams[0]);
            streams[0] = to.restore_session(bytes.data(), bytes.size());
        }
        while (cpu.step(4) > 0) {
        }
    }
    for (int64_t i = 0; i < 3; i++) {
        const step_tokens rest = drain(*streams[i]);
        found[i].insert(found[i].end(), rest.begin(), rest.end());
        CHECK(found[i] == expected[i]);
    }
}

}  // namespace

int main() {
    try {
        load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
        check_cuda_device();
    } catch (const error & e) {
        std::fprintf(stderr, "no device: %s\n", e.what());
        return 1;
    }
    return check_run({ test_f32_models, test_16_bit_models, test_embedded_model, test_sessions });
}
