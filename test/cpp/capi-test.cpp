// The C header as a caller meets it: statuses, messages, lifetimes. Nothing here may crash.
#include "check.h"
#include "include/kstt.h"
#include "parity-signal.h"
#include "status-check.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

const char * const checkpoint_folder = "test/fixtures/parity/plain-f32/checkpoint";

kstt_engine * make_engine(int32_t n_slots) {
    kstt_engine_params params = kstt_engine_default_params();
    params.n_slots            = n_slots;
    kstt_engine * engine      = nullptr;
    EXPECT_OK(kstt_engine_create(checkpoint_folder, &params, &engine, &last_error));
    return engine;
}

void test_process() {
    CHECK_EQUAL(kstt_abi_version(), KSTT_ABI_VERSION);
    kstt_engine * engine = nullptr;
    EXPECT(kstt_engine_create(checkpoint_folder, nullptr, &engine, &last_error),
           KSTT_STATUS_DEVICE_UNAVAILABLE,
           "kstt_init");
#ifndef __wasm__  // where the kernels are built in
    EXPECT(kstt_init("test/cpp", &last_error), KSTT_STATUS_DEVICE_UNAVAILABLE, "none found");
    EXPECT(kstt_init("no/such/folder", &last_error), KSTT_STATUS_DEVICE_UNAVAILABLE, "none found");
#endif
    EXPECT_OK(kstt_init(std::getenv("KSTT_KERNEL_DIR"), &last_error));
    EXPECT_OK(kstt_init(std::getenv("KSTT_KERNEL_DIR"), &last_error));
    CHECK_EQUAL(std::string(kstt_status_name(KSTT_STATUS_NO_SLOT)), "no free slot");
    CHECK_EQUAL(std::string(kstt_status_name(-1)), "unknown status");
    CHECK_EQUAL(std::string(kstt_status_name(99)), "unknown status");
}

void test_arguments() {
    kstt_engine * engine = nullptr;
    EXPECT(kstt_engine_create(nullptr, nullptr, &engine, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_engine_create("no/such/folder", nullptr, &engine, &last_error),
           KSTT_STATUS_FILE_NOT_FOUND,
           "no/such/folder");
    CHECK(engine == nullptr);
    kstt_engine_params params = kstt_engine_default_params();
    params.n_threads          = 257;
    EXPECT(kstt_engine_create(checkpoint_folder, &params, &engine, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "n_threads");
    params         = kstt_engine_default_params();
    params.n_slots = 0;
    EXPECT(
        kstt_engine_create(checkpoint_folder, &params, &engine, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "n_slots");
    // err may be NULL everywhere.
    CHECK_EQUAL(kstt_engine_create("no/such/folder", nullptr, &engine, nullptr), KSTT_STATUS_FILE_NOT_FOUND);
    kstt_engine_free(nullptr);
    kstt_session_free(nullptr);
    kstt_generation_free(nullptr);
    kstt_encoding_free(nullptr);
    kstt_resampler_free(nullptr);
    CHECK_EQUAL(kstt_session_poll(nullptr, nullptr), 0);
    CHECK_EQUAL(kstt_session_n_ready(nullptr), int64_t{ 0 });
    kstt_resampler * resampler = nullptr;
    EXPECT(kstt_resampler_create(0, 24000, &resampler, &last_error), KSTT_STATUS_INVALID_AUDIO, "0");
    CHECK(resampler == nullptr);
}

void test_offline() {
    kstt_engine *            engine     = make_engine(1);
    const std::vector<float> pcm        = parity_signal(3, 18000);
    kstt_generation *        generation = nullptr;
    EXPECT(kstt_generation_create(engine, pcm.data(), 0, 9000, nullptr, &generation, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "n_rows");
    EXPECT(kstt_generation_create(engine, pcm.data(), 1, 0, nullptr, &generation, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "n_samples");
    kstt_generation_params params = kstt_generation_default_params();
    params.audio_window_size      = -1;
    EXPECT(kstt_generation_create(engine, pcm.data(), 1, 9000, &params, &generation, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "audio_window_size");
    std::vector<float> bad = pcm;
    bad[9001]              = std::numeric_limits<float>::quiet_NaN();
    EXPECT(kstt_generation_create(engine, bad.data(), 2, 9000, nullptr, &generation, &last_error),
           KSTT_STATUS_INVALID_AUDIO,
           "sample 1 of row 1");
    CHECK(generation == nullptr);

    EXPECT_OK(kstt_generation_create(engine, pcm.data(), 2, 9000, nullptr, &generation, &last_error));
    CHECK_EQUAL(kstt_generation_n_tokens(generation), 5);  // BOS and one per whole frame
    std::vector<int32_t> tokens(10);
    kstt_progress        progress = {};
    EXPECT(kstt_generation_tokens(generation, tokens.data(), tokens.size(), &last_error),
           KSTT_STATUS_INVALID_STATE,
           "not finished");
    EXPECT(kstt_generation_advance(generation, 0, &progress, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "max_frames");
    int64_t last = -1;
    while (progress.finished == 0) {
        EXPECT_OK(kstt_generation_advance(generation, 1, &progress, &last_error));
        CHECK(progress.done > last && progress.done <= progress.total);
        last = progress.done;
    }
    EXPECT(
        kstt_generation_tokens(generation, tokens.data(), 9, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "too small");
    EXPECT_OK(kstt_generation_tokens(generation, tokens.data(), tokens.size(), &last_error));
    CHECK_EQUAL(tokens[0], tokens[5]);

    kstt_encoding * encoding = nullptr;
    EXPECT_OK(kstt_encoding_create(engine, pcm.data(), 1, 9000, &encoding, &last_error));
    CHECK_EQUAL(kstt_encoding_n_frames(encoding), 5);  // the partial one too
    EXPECT(kstt_encoding_codes(encoding, tokens.data(), tokens.size(), &last_error),
           KSTT_STATUS_INVALID_STATE,
           "not finished");

    // Children outlive their engine: they say so and can still be freed.
    kstt_engine_free(engine);
    EXPECT(kstt_encoding_advance(encoding, 1, &progress, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    EXPECT(kstt_generation_tokens(generation, tokens.data(), tokens.size(), &last_error),
           KSTT_STATUS_INVALID_STATE,
           "freed");
    kstt_encoding_free(encoding);
    kstt_generation_free(generation);
}

void test_sessions() {
    kstt_engine *  engine  = make_engine(1);
    kstt_session * session = nullptr;
    kstt_session * second  = nullptr;
    EXPECT_OK(kstt_session_create(engine, nullptr, &session, &last_error));
    EXPECT(kstt_session_create(engine, nullptr, &second, &last_error), KSTT_STATUS_NO_SLOT, "1 slots");
    kstt_session_params params = kstt_session_default_params();
    params.tail_seconds        = 1.0e9;
    EXPECT(kstt_session_create(engine, &params, &second, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "tail_seconds");

    const std::vector<float> pcm = parity_signal(4, 48000);
    std::vector<float>       bad = { 0.0F, std::numeric_limits<float>::infinity() };
    EXPECT(kstt_session_push_pcm(session, bad.data(), bad.size(), 24000, &last_error),
           KSTT_STATUS_INVALID_AUDIO,
           "sample 1");
    EXPECT(kstt_session_push_pcm(session, pcm.data(), 10, 0, &last_error), KSTT_STATUS_INVALID_AUDIO, "0 Hz");
    EXPECT(
        kstt_session_push_pcm(session, pcm.data(), 10, 1000000, &last_error), KSTT_STATUS_INVALID_AUDIO, "1000000 Hz");
    EXPECT(kstt_session_push_pcm(session, nullptr, 10, 24000, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT_OK(kstt_session_push_pcm(session, nullptr, 0, 24000, &last_error));
    EXPECT_OK(kstt_session_push_pcm(session, pcm.data(), pcm.size(), 24000, &last_error));
    EXPECT_OK(kstt_session_end(session, &last_error));
    EXPECT_OK(kstt_session_end(session, &last_error));
    EXPECT(
        kstt_session_push_pcm(session, pcm.data(), 10, 24000, &last_error), KSTT_STATUS_INVALID_STATE, "after the end");
    int64_t n_stepped = 1;
    EXPECT(kstt_engine_step(engine, 0, &n_stepped, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "max_steps");
    while (n_stepped > 0) {
        EXPECT_OK(kstt_engine_step(engine, 7, &n_stepped, &last_error));
    }
    CHECK_EQUAL(kstt_session_n_ready(session), int64_t{ 0 });
    kstt_event event      = {};
    double     last_start = 0.0;
    int32_t    n_ends     = 0;
    while (kstt_session_poll(session, &event) == 1) {
        CHECK_EQUAL(n_ends, 0);  // nothing follows the end
        if (event.type == KSTT_EVENT_WORD) {
            CHECK(event.start >= last_start && event.end >= event.start && event.end <= 2.0);
            CHECK(event.text_size > 0 && event.text[event.text_size] == 0);  // byte pieces may put a NUL inside
            CHECK(event.confidence > 0.0F && event.confidence <= 1.0F);
            last_start = event.start;
        } else {
            CHECK_EQUAL(event.type, KSTT_EVENT_END);
            CHECK_EQUAL(event.end, 2.0);
            n_ends++;
        }
    }
    CHECK_EQUAL(n_ends, 1);
    EXPECT_OK(kstt_session_reset(session, &last_error));
    EXPECT_OK(kstt_session_push_pcm(session, pcm.data(), 10, 24000, &last_error));
    kstt_session_free(session);
    EXPECT_OK(kstt_session_create(engine, nullptr, &second, &last_error));
    kstt_engine_free(engine);
    EXPECT(kstt_session_end(second, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    CHECK_EQUAL(kstt_session_poll(second, &event), 0);
    kstt_session_free(second);
}

// What sessions refuse, each with its reason; the session and the engine go on.
void test_session_misuse() {
    kstt_engine *             engine  = make_engine(2);
    kstt_session *            session = nullptr;
    const kstt_session_params good    = kstt_session_default_params();
    kstt_session_params       params  = good;
    const auto                refuse  = [&](const char * word) {
        EXPECT(kstt_session_create(engine, &params, &session, &last_error), KSTT_STATUS_INVALID_ARGUMENT, word);
        CHECK(session == nullptr);
        params = good;
    };
    params.priority = 2;
    refuse("priority");
    params.times = -1;
    refuse("times");
    params.turn_head = 4;
    refuse("turn_head");
    params.turn_speech_threshold = 0.9;
    refuse("turn_pause_threshold");
    params.turn_pause_seconds = 0.0;
    refuse("turn_pause_seconds");
    params.turn_smoothing_seconds = std::nan("");
    refuse("turn_smoothing_seconds");
    params.refresh_limit_steps = -1;
    refuse("refresh_limit_steps");
    params.n_banned_tokens = 1;
    refuse("banned_tokens");
    const int32_t beyond    = 1 << 20;
    params.allowed_tokens   = &beyond;
    params.n_allowed_tokens = 1;
    refuse("allowed_tokens");
    const std::vector<float> pcm = parity_signal(4, 48000);
    params.prompt_pcm            = pcm.data();
    params.n_prompt_samples      = pcm.size();
    params.prompt_rate           = 700;
    refuse("60 seconds");
    params.prompt_pcm       = pcm.data();
    params.n_prompt_samples = 10;
    params.prompt_rate      = 10;
    EXPECT(kstt_session_create(engine, &params, &session, &last_error), KSTT_STATUS_INVALID_AUDIO, "10 Hz");

    EXPECT_OK(kstt_session_create(engine, nullptr, &session, &last_error));
    EXPECT(kstt_session_push_pcm(session, pcm.data(), size_t{ 1 } << 31U, 24000, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "2^31");
    EXPECT_OK(kstt_session_push_pcm(session, pcm.data(), pcm.size(), 24000, &last_error));
    EXPECT_OK(kstt_session_flush(session, &last_error));
    EXPECT_OK(kstt_session_end(session, &last_error));
    EXPECT(kstt_session_flush(session, &last_error), KSTT_STATUS_INVALID_STATE, "after the end");
    const uint8_t * bytes = nullptr;
    size_t          n     = 0;
    EXPECT(kstt_session_snapshot(session, nullptr, &n, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "bytes");
    EXPECT_OK(kstt_session_snapshot(session, &bytes, &n, &last_error));
    kstt_session * restored = nullptr;
    EXPECT(kstt_session_restore(engine, bytes, n - 1, &restored, &last_error), KSTT_STATUS_INVALID_SNAPSHOT, "damaged");
    EXPECT(kstt_session_restore(engine, nullptr, 0, &restored, &last_error), KSTT_STATUS_INVALID_SNAPSHOT, "0 bytes");
    EXPECT_OK(kstt_session_restore(engine, bytes, n, &restored, &last_error));

    // Both come to the same end.
    int64_t n_stepped = 1;
    while (n_stepped > 0) {
        EXPECT_OK(kstt_engine_step(engine, 16, &n_stepped, &last_error));
    }
    int32_t    n_events = 0;
    kstt_event one      = {};
    kstt_event two      = {};
    while (kstt_session_poll(session, &one) == 1) {
        CHECK_EQUAL(kstt_session_poll(restored, &two), 1);
        CHECK(one.type == two.type && one.start == two.start && std::string(one.text) == two.text);
        n_events++;
    }
    CHECK(n_events >= 2 && one.type == KSTT_EVENT_END && kstt_session_poll(restored, &two) == 0);
    kstt_engine_stats stats = {};
    EXPECT_OK(kstt_engine_get_stats(engine, &stats, &last_error));
    CHECK(stats.steps > 0 && stats.step_ns >= stats.max_step_ns && stats.max_step_ns > 0);

    kstt_engine_free(engine);
    EXPECT(kstt_session_flush(session, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    EXPECT(kstt_session_snapshot(restored, &bytes, &n, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    kstt_session_free(session);
    kstt_session_free(restored);
}

void test_info() {
    kstt_engine *    engine = make_engine(3);
    kstt_engine_info info   = {};
    EXPECT_OK(kstt_engine_get_info(engine, &info, &last_error));
    CHECK_EQUAL(info.frame_size, 1920);
    CHECK_EQUAL(info.frame_rate, 12.5);
    CHECK_EQUAL(info.n_slots, 3);
    CHECK_EQUAL(std::string(info.weight_type), "f32");
    CHECK_EQUAL(std::string(info.device), "cpu");
    CHECK(info.weight_bytes > 0 && info.copied_bytes < info.weight_bytes && info.state_bytes > 0);
    kstt_progress progress = {};
    int32_t       n_calls  = 0;
    while (progress.finished == 0 && n_calls < 1000) {
        EXPECT_OK(kstt_engine_prefault(engine, 50000, &progress, &last_error));
        n_calls++;
    }
    CHECK(n_calls > 1 && progress.done == progress.total);
    kstt_engine_free(engine);
}

}  // namespace

int main() {
    test_process();
    test_arguments();
    test_offline();
    test_sessions();
    test_session_misuse();
    test_info();
    return check_report();
}
