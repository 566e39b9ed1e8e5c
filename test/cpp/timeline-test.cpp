// The clock of a session and the way of the audio into it: what is put in never moves a time.
#include "check.h"
#include "session/audio-intake.h"
#include "session/timeline.h"

#include <cmath>
#include <vector>

namespace {

using namespace kstt;

constexpr int32_t rate  = 24000;
constexpr int32_t frame = 1920;

bool near(double a, double b) {
    return std::abs(a - b) < 1e-9;
}

intake_options options_of(int64_t flush_frames, int64_t tail) {
    intake_options options;
    options.sample_rate  = rate;
    options.frame_size   = frame;
    options.flush_frames = flush_frames;
    options.tail_samples = tail;
    return options;
}

void test_pieces() {
    timeline line(rate, frame, 0.5);
    CHECK_EQUAL(line.time_of_step(100), 0.0);
    line.silence_from(0, 0.0);
    line.audio_from(24000, 0.0);
    CHECK_EQUAL(line.time_of_step(0), 0.0);
    CHECK_EQUAL(line.time_of_step(18), 0.0);  // 1.44 s of the stream less 0.5 s lie in the prefix
    CHECK(near(line.time_of_step(25), 2.0 - 0.5 - 1.0));
    line.silence_from(24000 + 12000, 0.5);
    CHECK(near(line.time_of_step(24), 0.42));
    CHECK(near(line.time_of_step(25), 0.5) && near(line.time_of_step(30), 0.5));
    line.audio_from(72000, 0.5);
    CHECK(near(line.time_of_step(50), 4.0 - 0.5 - 3.0 + 0.5));
    CHECK(!line.is_audio(0) && line.is_audio(13) && !line.is_audio(19) && line.is_audio(38));
    line.forget_before(50);
    CHECK(near(line.time_of_step(50), 1.0));
    // A resampler may make a sample more than the audio is long: time does not run over.
    line.silence_from(72000 + 24001, 1.5);
    CHECK_EQUAL(line.time_at(72000 + 24000.9), 1.5);
}

// The frames of a stream, one number each: all of its samples are equal in these tests.
std::vector<float> take_all(audio_intake & intake) {
    std::vector<float> result;
    std::vector<float> pcm;
    while (intake.n_frames() > 0) {
        intake.take(1, pcm);
        result.push_back(pcm.front());
    }
    return result;
}

void push(audio_intake & intake, float value, size_t n_frames) {
    const std::vector<float> pcm(n_frames * frame, value);
    intake.push(pcm.data(), pcm.size(), rate);
}

void test_order() {
    timeline     line(rate, frame, 0.0);
    audio_intake intake(options_of(2, frame), line);
    intake.put_in(nullptr, frame);
    push(intake, 1.0F, 2);
    intake.flush();
    push(intake, 2.0F, 1);  // waits behind the flush
    intake.flush();
    push(intake, 3.0F, 1);
    intake.end();
    intake.end();
    CHECK(take_all(intake) == (std::vector<float>{ 0, 1, 1, 0, 0 }));
    CHECK(intake.pending() == audio_intake::mark::flush && intake.pending_frame() == 5);
    CHECK(near(intake.pending_seconds(), 0.16));
    intake.extend();
    CHECK(take_all(intake) == (std::vector<float>{ 0 }));
    CHECK_EQUAL(intake.pending_frame(), 6);
    intake.pass();
    CHECK(take_all(intake) == (std::vector<float>{ 2, 0, 0 }));
    CHECK(near(intake.pending_seconds(), 0.24));
    intake.pass();
    CHECK(take_all(intake) == (std::vector<float>{ 3, 0 }));
    CHECK(intake.pending() == audio_intake::mark::end && intake.pending_frame() == 11);
    // Step s announces what is at s frames: silence, audio 0 to 0.16, silence, 0.16 to 0.24, silence, 0.24 to 0.32.
    const double expected[] = { 0, 0, 0.08, 0.16, 0.16, 0.16, 0.16, 0.24, 0.24, 0.24, 0.32, 0.32 };
    for (int64_t step = 0; step < 12; step++) {
        CHECK(near(line.time_of_step(step), expected[step]));
    }
    CHECK_THROWS(push(intake, 1.0F, 1), KSTT_STATUS_INVALID_STATE, "after the end");
    CHECK_THROWS(intake.flush(), KSTT_STATUS_INVALID_STATE, "after the end");
}

void test_nothing_new() {
    timeline     line(rate, frame, 0.0);
    audio_intake intake(options_of(2, frame), line);
    intake.flush();
    CHECK_EQUAL(intake.pending_frame(), 0);
    intake.pass();
    push(intake, 1.0F, 1);
    intake.flush();
    intake.flush();
    intake.end();
    CHECK(take_all(intake).size() == 3);
    intake.pass();
    CHECK(intake.pending() == audio_intake::mark::flush && intake.n_frames() == 0 && intake.pending_frame() == 3);
    intake.pass();
    CHECK(intake.pending() == audio_intake::mark::end && intake.n_frames() == 0 && intake.pending_frame() == 3);
}

// A day of audio with a flush every ten seconds and another rate now and then: the clock is right at the end. (At a
// tenth of the usual rate, so that it takes a second.)
void test_day() {
    constexpr int32_t slow = rate / 10;
    timeline          line(slow, frame / 10, 0.5);
    intake_options    options = options_of(8, frame / 10);
    options.sample_rate       = slow;
    options.frame_size        = frame / 10;
    audio_intake             intake(options, line);
    const int64_t            n_rounds = 24 * 360;
    const std::vector<float> pcm(10 * slow, 0.25F);
    std::vector<float>       out;
    int64_t                  n_frames = 0;
    for (int64_t i = 0; i < n_rounds; i++) {
        const int32_t pushed_rate = i % 100 == 99 ? 1600 : slow;
        intake.push(pcm.data(), 10 * static_cast<size_t>(pushed_rate), pushed_rate);
        intake.flush();
        const int64_t n = intake.n_frames();
        intake.take(n, out);
        n_frames += n;
        line.forget_before(n_frames - 40);
        CHECK_EQUAL(intake.pending_seconds(), 10.0 * static_cast<double>(i + 1));
        CHECK(near(line.time_of_step(n_frames), 10.0 * static_cast<double>(i + 1)));
        intake.pass();
    }
    CHECK_EQUAL(intake.duration(), 86400.0);
    intake.push(pcm.data(), pcm.size(), slow);
    CHECK(near(line.time_of_step(n_frames + 50), 86400.0 + 4.0 - 0.5));
}

void test_refusals() {
    timeline     line(rate, frame, 0.0);
    audio_intake intake(options_of(2, frame), line);
    float        bad[2] = { 0.0F, NAN };
    CHECK_THROWS(intake.push(bad, 2, rate), KSTT_STATUS_INVALID_AUDIO, "sample 1");
    CHECK_THROWS(intake.push(bad, 1, 10), KSTT_STATUS_INVALID_AUDIO, "10 Hz");
    CHECK_EQUAL(intake.duration(), 0.0);
}

}  // namespace

int main() {
    return check_run({ test_pieces, test_order, test_nothing_new, test_day, test_refusals });
}
