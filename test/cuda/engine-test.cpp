// Whole models on the device beside the CPU: codes, tokens, sessions, snapshots, generation. Under the emulation this runs
// the executors and kernels on the host.
#include "check.h"
#include "cuda/cuda-device.h"
#include "live-session.h"
#include "parity-signal.h"
#include "runtime/device.h"
#include "session/engine.h"

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

std::vector<int32_t> generate(engine & on, const std::vector<float> & samples, int32_t n_rows) {
    audio_batch batch;
    batch.samples   = samples;
    batch.n_rows    = n_rows;
    batch.n_samples = static_cast<int64_t>(samples.size()) / n_rows;
    const auto work = on.create_generation(batch, -1, 0);
    while (!on.advance(*work, 64).finished()) {
    }
    return work->tokens();
}

std::vector<int32_t> encode(engine & on, const std::vector<float> & samples) {
    audio_batch batch;
    batch.samples   = samples;
    batch.n_rows    = 1;
    batch.n_samples = static_cast<int64_t>(samples.size());
    const auto work = on.create_encoding(batch);
    while (!on.advance(*work, 64).finished()) {
    }
    return work->codes();
}

// Codes and tokens equal the CPU's, one by one; the last frame is not whole.
void check_model(const std::string & path, int32_t n_frames) {
    engine                   cpu(path, options_for(false));
    engine                   gpu(path, options_for(true));
    const auto               frame_size = cpu.model().config.codec.frame_size();
    const std::vector<float> samples    = parity_signal(9, n_frames * frame_size + frame_size / 3);
    CHECK(encode(cpu, samples) == encode(gpu, samples));
    const std::vector<int32_t> tokens = generate(cpu, samples, 1);
    CHECK(tokens == generate(gpu, samples, 1));
    std::vector<float> rows = parity_signal(10, n_frames * frame_size);
    rows.insert(rows.end(), samples.begin(), samples.begin() + n_frames * frame_size);
    CHECK(generate(cpu, rows, 2) == generate(gpu, rows, 2));
    CHECK_EQUAL(gpu.device() == "cpu", false);
}

void test_f32_models() {
    check_model(fixture("gqa-f32"), 45);
    check_model(fixture("plain-f32"), 50);
    check_model(fixture("sharded-f32"), 60);
    check_model(fixture("short-frames-f32"), 40);
}

void test_16_bit_models() {
    check_model(fixture("bf16"), 60);
    check_model(fixture("f16"), 60);
}

void test_embedded_model() {
    check_model("models/digits-en", 30);
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
    return check_run({ test_f32_models, test_16_bit_models, test_embedded_model });
}
