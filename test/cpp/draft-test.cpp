// Drafts: several steps in one pass give what stepping gives, in fewer passes.
#include "check.h"
#include "live-session.h"
#include "parity-signal.h"
#include "runtime/device.h"
#include "session/draft-length.h"
#include "session/engine.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace kstt;

engine_options one_thread(int32_t n_slots) {
    engine_options options;
    options.n_slots   = n_slots;
    options.n_threads = 1;
    options.device    = drafting_cpu_device();
    return options;
}

std::vector<int32_t> generate(engine & on, const std::vector<float> & samples, int32_t n_rows) {
    audio_batch batch;
    batch.samples   = samples;
    batch.n_rows    = n_rows;
    batch.n_samples = static_cast<int64_t>(samples.size()) / n_rows;
    const auto work = on.create_generation(batch, generation_options());
    while (!on.advance(*work, 5).finished()) {
    }
    return work->tokens();
}

// The same with one step at a time, through the networks themselves.
std::vector<int32_t> step_by_step(const std::string & path, const std::vector<float> & samples) {
    compute_backend backend(1);
    const auto      model    = stt_model::load(open_model(path, {}), backend);
    const auto      device   = cpu_device().open(*model, backend);
    const auto &    config   = model->config.decoder;
    const auto      size     = model->config.codec.frame_size();
    const int64_t   n_frames = static_cast<int64_t>(samples.size()) / size;
    mimi_options    codec_options;
    codec_options.uniform_window = true;
    codec_options.precision      = rope_precision::reference;
    decoder_options text_options;
    text_options.precision       = rope_precision::reference;
    const auto           codec   = device->make_codec(codec_options);
    const auto           decoder = device->make_decoder(text_options);
    std::vector<int32_t> tokens  = { config.bos_token_id };
    std::vector<int32_t> codes(static_cast<size_t>(config.num_codebooks), config.audio_bos_token_id);
    for (int64_t step = 0; step < n_frames; step++) {
        if (step > 0) {
            mimi_call call;
            call.slots     = { 0 };
            call.pcm       = { samples.data() + (step - 1) * size };
            call.n_samples = size;
            codec->encode(call, codes);
        }
        decoder_call call;
        call.slots = { 0 };
        call.ids   = { tokens.back() };
        call.ids.insert(call.ids.end(), codes.begin(), codes.begin() + config.num_codebooks);
        decoder->compute(call, config.output_vocab_size);
        tokens.push_back(decoder->choice(0).token);
    }
    return tokens;
}

void test_generation() {
    const std::vector<float> speech = digit_take(5);
    engine                   one(digits_folder, one_thread(1));
    CHECK(generate(one, speech, 1) == step_by_step(digits_folder, speech));
    const work_stats stats = one.stats();
    CHECK(stats.decoder_frames > 2 * stats.decoder_steps);
    // Rows go on together; the shorter one is silent at its end.
    std::vector<float> rows  = speech;
    std::vector<float> other = digit_take(6);
    other.resize(speech.size(), 0.0F);
    rows.insert(rows.end(), other.begin(), other.end());
    std::vector<int32_t>       both   = step_by_step(digits_folder, speech);
    const std::vector<int32_t> second = step_by_step(digits_folder, other);
    both.insert(both.end(), second.begin(), second.end());
    CHECK(generate(one, rows, 2) == both);
    // Random weights say anything but pads.
    const std::string path = "test/fixtures/parity/gqa-f32/checkpoint";
    engine            noise(path, one_thread(1));
    const auto        signal = parity_signal(3, int64_t{ 70 } * noise.model().config.codec.frame_size());
    CHECK(generate(noise, signal, 1) == step_by_step(path, signal));
}

std::vector<std::string> events_of(engine & on, const session_options & options, const std::vector<float> & pcm) {
    const auto stream = on.create_session(options);
    stream->push_pcm(pcm.data(), pcm.size(), 24000);
    stream->end();
    while (on.step(3) > 0) {
    }
    live_result   result;
    session_event event;
    while (stream->poll(event)) {
        result.events.push_back(event);
    }
    on.remove_session(stream);
    return result.lines();
}

// A file alone drafts, a live stream never does; both tell the same, renewals and probabilities included.
void test_sessions() {
    session_options live;
    live.emit_tokens         = true;
    live.refresh.enabled     = true;
    // Otherwise the two kinds of streams choose differently.
    live.refresh.pause_steps = 70;
    session_options file     = live;
    live.priority            = session_priority::live;
    file.priority            = session_priority::file;
    std::vector<float> pcm;
    for (size_t i = 0; i < digit_takes().size(); i++) {
        const std::vector<float> take = digit_take(i);
        pcm.insert(pcm.end(), take.begin(), take.end());
    }
    engine                         stepping(digits_folder, one_thread(1));
    engine                         drafting(digits_folder, one_thread(1));
    const std::vector<std::string> expected = events_of(stepping, live, pcm);
    CHECK(expected == events_of(drafting, file, pcm));
    CHECK(std::any_of(expected.begin(), expected.end(), [](const std::string & line) {
        return line.rfind(std::to_string(KSTT_EVENT_REFRESH) + " ", 0) == 0;
    }));
    CHECK_EQUAL(stepping.stats().decoder_frames, drafting.stats().decoder_frames);
    CHECK(drafting.stats().decoder_steps * 2 < stepping.stats().decoder_steps);
}

void test_length() {
    draft_length length;
    CHECK_EQUAL(length.next(false), 1);
    CHECK_EQUAL(length.next(true), 4);
    length.took(4, 4);
    CHECK_EQUAL(length.next(true), 8);
    length.took(8, 8);
    CHECK_EQUAL(length.next(true), draft_length::longest);
    length.took(1, 1);
    CHECK_EQUAL(length.next(true), draft_length::longest);
    for (int i = 0; i < 4; i++) {
        length.took(length.next(true), 1);
    }
    CHECK_EQUAL(length.next(true), 2);
}

}  // namespace

int main() {
    try {
        load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    } catch (const error & e) {
        std::fprintf(stderr, "no device: %s\n", e.what());
        return 1;
    }
    return check_run({ test_generation, test_sessions, test_length });
}
