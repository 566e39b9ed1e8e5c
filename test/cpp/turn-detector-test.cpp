// Turn detection on made-up tracks of probabilities, loudness and words.
#include "check.h"
#include "session/level-meter.h"
#include "session/turn-detector.h"

#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace kstt;

constexpr double frame_rate = 12.5;
constexpr double delay      = 0.5;

// A stretch of steps alike.
struct stretch {
    int64_t n_steps    = 0;
    float   pause      = 1.0F;  // of all heads; < 0: the model has none
    bool    loud       = false;
    int64_t word_every = 0;  // steps between first pieces; 0: no words
};

struct heard_events {
    std::vector<turn_event> all;

    std::string kinds() const {
        std::string result;
        for (const turn_event & each : all) {
            result += each.is_pause ? 'P' : 'S';
        }
        return result;
    }
};

turn_options enabled() {
    turn_options options;
    options.enabled = true;
    return options;
}

heard_events run(const std::vector<stretch> & track, const turn_options & options = enabled()) {
    turn_detector detector(options, frame_rate, delay);
    heard_events  result;
    int64_t       n = 0;
    for (const stretch & part : track) {
        for (int64_t i = 0; i < part.n_steps; i++) {
            n++;
            const std::vector<float> heads(4, part.pause);
            turn_step                step;
            step.heard           = static_cast<double>(n) / frame_rate;
            step.active          = part.loud;
            step.pauses          = heads.data();
            step.n_pauses        = part.pause < 0.0F ? 0 : 4;
            step.opens_word      = part.word_every > 0 && i % part.word_every == 0;
            step.is_piece        = step.opens_word;
            step.word_start      = std::max(0.0, step.heard - delay);
            step.pad_probability = step.is_piece ? 0.0F : 0.9F;
            detector.push(step, result.all);
        }
    }
    return result;
}

void test_heads() {
    // Silence, speech, silence: one of each, at the right places.
    const heard_events plain = run({ { 25, 0.98F, false, 0 }, { 50, 0.05F, true, 4 }, { 25, 0.98F, false, 0 } });
    CHECK_EQUAL(plain.kinds(), "SP");
    CHECK(plain.all[0].from_heads && plain.all[0].time >= 1.5 && plain.all[0].time < 2.2);
    CHECK(std::abs(plain.all[1].time - 6.0) < 1e-9);  // the last loud frame ends there
    CHECK(plain.all[1].heard < 6.0 + 0.7 && plain.all[1].probability > 0.6F);
    // Nothing but silence, whatever the heads say during the first steps.
    CHECK_EQUAL(run({ { 6, 0.0F, false, 0 }, { 5, 0.9F, false, 0 }, { 60, 0.97F, false, 0 } }).kinds(), "");
    // A dip in mid-sentence (users report 0.55) and single outliers are no pause.
    CHECK_EQUAL(
        run({ { 15, 1.0F, false, 0 }, { 30, 0.1F, true, 5 }, { 6, 0.55F, false, 0 }, { 30, 0.1F, true, 5 } }).kinds(),
        "S");
    CHECK_EQUAL(
        run({ { 15, 1.0F, false, 0 }, { 30, 0.1F, true, 5 }, { 1, 1.0F, true, 0 }, { 30, 0.1F, true, 5 } }).kinds(),
        "S");
}

// Users' report: spoken digits are heard as silence, the probability jumps over 0.6 and stays there.
void test_digits() {
    const heard_events run_of_digits =
        run({ { 20, 1.0F, false, 0 }, { 20, 0.1F, true, 5 }, { 60, 0.9F, true, 5 }, { 30, 0.95F, false, 0 } });
    CHECK_EQUAL(run_of_digits.kinds(), "SP");
    CHECK(run_of_digits.all[1].heard > 100 / frame_rate);
    // Gaps of one frame between the digits change nothing.
    std::vector<stretch> gaps = { { 20, 1.0F, false, 0 }, { 20, 0.1F, true, 5 } };
    for (int i = 0; i < 12; i++) {
        gaps.push_back({ 4, 0.9F, true, 5 });
        gaps.push_back({ 1, 0.9F, false, 0 });
    }
    CHECK_EQUAL(run(gaps).kinds(), "S");
}

// Words come half a second late: the last one of a turn must not open the next.
void test_late_word() {
    const heard_events late = run({ { 20, 1.0F, false, 0 },
                                    { 30, 0.0F, true, 5 },
                                    { 5, 1.0F, false, 0 },
                                    { 1, 1.0F, false, 1 },
                                    { 30, 1.0F, false, 0 } });
    CHECK_EQUAL(late.kinds(), "SP");
}

void test_options() {
    turn_options eager               = enabled();
    eager.pause_threshold            = 0.3;
    eager.speech_threshold           = 0.2;
    const std::vector<stretch> track = { { 20, 1.0F, false, 0 }, { 30, 0.1F, true, 5 }, { 20, 0.4F, false, 0 } };
    CHECK_EQUAL(run(track).kinds(), "S");
    CHECK_EQUAL(run(track, eager).kinds(), "SP");
    CHECK_EQUAL(run(track, turn_options()).kinds(), "");
}

void test_tokens() {
    const heard_events plain = run({ { 20, -1.0F, false, 0 }, { 50, -1.0F, true, 5 }, { 25, -1.0F, false, 0 } });
    CHECK_EQUAL(plain.kinds(), "SP");
    CHECK(!plain.all[0].from_heads && !plain.all[1].from_heads);
    CHECK(std::abs(plain.all[0].time - (21 / frame_rate - delay)) < 1e-9);
    CHECK(std::abs(plain.all[1].time - 70 / frame_rate) < 1e-9);
    CHECK(plain.all[1].probability > 0.85F && plain.all[1].probability <= 1.0F);
    CHECK(plain.all[1].heard - plain.all[1].time < delay + 0.7);
    // Gaps between words shorter than the pause that was asked for.
    std::vector<stretch> gaps = { { 20, -1.0F, false, 0 } };
    for (int i = 0; i < 10; i++) {
        gaps.push_back({ 6, -1.0F, true, 6 });
        gaps.push_back({ 5, -1.0F, false, 0 });
    }
    CHECK_EQUAL(run(gaps).kinds(), "S");
    // Loud noise without words: no speech. Speech into noise: the tokens decide alone, a little later.
    CHECK_EQUAL(run({ { 80, -1.0F, true, 0 } }).kinds(), "");
    CHECK_EQUAL(run({ { 30, -1.0F, true, 5 }, { 40, -1.0F, true, 0 } }).kinds(), "SP");
}

void test_levels() {
    level_meter meter(frame_rate, 6);
    // Background at -50 dB, speech at -20 dB.
    int32_t     n_active = 0;
    for (int32_t i = 0; i < 50; i++) {
        n_active += meter.push(-50.0F).active ? 1 : 0;
    }
    CHECK_EQUAL(n_active, 0);
    for (int32_t i = 0; i < 25; i++) {
        const level_meter::verdict heard = meter.push(i % 5 == 4 ? -40.0F : -20.0F);
        CHECK(i % 5 == 4 || heard.active);
        CHECK(!heard.speech || i >= 8);
        if (i == 8) {
            meter.learn_speech();
        }
    }
    CHECK(meter.push(-22.0F).speech && !meter.push(-49.0F).active);
    // What stands out from the background but is far from a voice is not speech.
    CHECK(!meter.push(-38.0F).speech);
    // A background that gets louder is active for some seconds only.
    n_active = 0;
    for (int32_t i = 0; i < 250; i++) {
        n_active += meter.push(-35.0F).active ? 1 : 0;
    }
    CHECK(n_active < 60 && !meter.push(-35.0F).active);
    CHECK_EQUAL(level_of(nullptr, 0), -100.0F);
    const std::vector<float> full(100, 1.0F);
    CHECK(std::abs(level_of(full.data(), 100)) < 1e-5F);
}

}  // namespace

int main() {
    return check_run({ test_heads, test_digits, test_late_word, test_options, test_tokens, test_levels });
}
