// The remedy against stalls: what is noticed, what a renewed state is shown, and that no word is lost or doubled.
#include "check.h"
#include "live-session.h"
#include "runtime/device.h"
#include "session/refresh-keeper.h"

#include <cmath>
#include <cstdlib>

namespace {

using namespace kstt;

constexpr int32_t pad = 3;

// Steps of silence, steps of speech with words, ... until the detector says something; -1: it said nothing.
struct phase {
    int64_t              n_steps = 0;
    bool                 speech  = false;
    std::vector<int32_t> tokens;  // repeated
};

int64_t steps_until(stall_kind expected, const std::vector<phase> & phases) {
    stall_detector detector(12.5, 6);
    int64_t        step = 0;
    for (const phase & each : phases) {
        for (int64_t i = 0; i < each.n_steps; i++, step++) {
            const int32_t    token = each.tokens[static_cast<size_t>(i) % each.tokens.size()];
            const stall_kind found = detector.push(token, token != pad, each.speech);
            if (found != stall_kind::none) {
                CHECK(found == expected);
                return step;
            }
        }
    }
    return -1;
}

void test_detector() {
    const std::vector<int32_t> words = { 0, 20, 3, 3, 0, 21, 3, 0, 22, 3, 3, 3 };
    // Three seconds of speech without a word, counted behind the delay.
    const int64_t alarm = steps_until(stall_kind::silence, { { 60, true, words }, { 100, true, { pad } } });
    CHECK(alarm >= 57 + 37 && alarm <= 60 + 50);
    // Silence, and music softer than the voice, may last.
    CHECK_EQUAL(steps_until(stall_kind::none, { { 60, true, words }, { 6, false, words }, { 1000, false, { pad } } }),
                -1);
    // Pauses of two seconds between words.
    std::vector<phase> slow;
    for (int32_t i = 0; i < 20; i++) {
        slow.push_back({ 10, true, { 0, 20 + i, 3, 3, 3, 3, 3, 3, 3, 3 } });
        slow.push_back({ 25, false, { pad } });
    }
    CHECK_EQUAL(steps_until(stall_kind::none, slow), -1);

    // A loop: a period that comes again and again with the same steps.
    const int64_t loop = steps_until(stall_kind::loop, { { 50, true, words }, { 300, true, { 0, 30, 31, 3 } } });
    CHECK(loop >= 50 + 45 && loop <= 50 + 60);
    CHECK(steps_until(stall_kind::loop, { { 300, true, { 40 } } }) >= 45);
    // Somebody who says "one" thirty times, never twice with the same rhythm.
    std::vector<phase> ones;
    for (int64_t i = 0; i < 30; i++) {
        ones.push_back({ 2, true, { 0, 20 } });
        ones.push_back({ 3 + i * 7 % 5, true, { pad } });
    }
    CHECK_EQUAL(steps_until(stall_kind::none, ones), -1);
    CHECK_EQUAL(steps_until(stall_kind::none, { { 2000, false, { pad } } }), -1);

    // Without a word after the renewal the next alarm takes twice as long; a word makes it eager again.
    stall_detector detector(12.5, 6);
    const auto     wait = [&] {
        for (int64_t n = 1; n < 2000; n++) {
            if (detector.push(pad, false, true) != stall_kind::none) {
                detector.restart(true);
                return n;
            }
        }
        return int64_t{ -1 };
    };
    const int64_t first = wait();
    CHECK_EQUAL(wait(), 76);
    CHECK_EQUAL(wait(), 152);
    detector.push(20, true, true);
    CHECK(first == 44 && wait() == 38);
}

refresh_options limits(int32_t pause, int32_t limit, int32_t replay) {
    return { true, pause, limit, replay };
}

// Two codes per step, 100 s and 200 s of the step; token 10 + s.
refresh_reason push(refresh_keeper & keeper, int64_t step, int32_t token, bool is_text, bool speech = false) {
    const int32_t codes[2] = { static_cast<int32_t>(100 * step), static_cast<int32_t>(200 * step) };
    return keeper.push({ step, step > 0 ? codes : nullptr, token, is_text, speech });
}

void test_keeper() {
    refresh_keeper keeper(limits(20, 30, 4), 100, 2, 12.5, 0.5, pad);
    keeper.set_start(270, 256);
    int64_t step = 0;
    for (; step < 29; step++) {
        CHECK(push(keeper, step, static_cast<int32_t>(10 + step), true) == refresh_reason::none);
    }
    CHECK(push(keeper, step, 39, true) == refresh_reason::limit);
    // The start, then the last four steps: the text each was given, but nothing said before the first.
    std::vector<int32_t> ids;
    CHECK(keeper.is_replaying() && keeper.is_at_start() && keeper.n_replay_left() == 5);
    CHECK_EQUAL(keeper.replay_ids(3, ids), 3);
    keeper.replayed(3);
    CHECK(!keeper.is_at_start());
    CHECK_EQUAL(keeper.replay_ids(3, ids), 2);
    keeper.replayed(2);
    CHECK(!keeper.is_replaying());
    CHECK(ids ==
          (std::vector<int32_t>{ 270, 256, 256, pad, 2600, 5200, 36, 2700, 5400, 37, 2800, 5600, 38, 2900, 5800 }));
    CHECK(keeper.next_step() == 30 && keeper.token_before() == 39 && keeper.codes_again().empty());

    // From the age of 20 on, half a second without text is enough.
    refresh_keeper patient(limits(20, 90, 4), 100, 2, 12.5, 0.5, pad);
    for (step = 0; step < 17; step++) {
        CHECK(push(patient, step, 20, true) == refresh_reason::none);
    }
    for (; step < 23; step++) {
        CHECK(push(patient, step, pad, false) == refresh_reason::none);
    }
    CHECK(push(patient, step, pad, false) == refresh_reason::pause);

    refresh_keeper off({}, 100, 2, 12.5, 0.5, pad);
    for (step = 0; step < 1000; step++) {
        CHECK(push(off, step, 20, true, true) == refresh_reason::none);
    }
}

// The steps that brought nothing are decoded again, those before them are shown.
void test_keeper_stall() {
    refresh_keeper keeper(limits(300, 400, 4), 1000, 2, 12.5, 0.5, pad);
    int64_t        step = 0;
    for (; step < 100; step++) {
        CHECK(push(keeper, step, static_cast<int32_t>(10 + step), true, true) == refresh_reason::none);
    }
    refresh_reason reason = refresh_reason::none;
    for (; reason == refresh_reason::none && step < 400; step++) {
        reason = push(keeper, step, pad, false, true);
    }
    CHECK(reason == refresh_reason::stall);
    CHECK_EQUAL(keeper.next_step(), 100);
    CHECK_EQUAL(keeper.token_before(), 109);
    CHECK_EQUAL(keeper.codes_again().size(), static_cast<size_t>(2 * (step - 100)));
    CHECK_EQUAL(keeper.codes_again().front(), 10000);
    std::vector<int32_t> ids;
    CHECK_EQUAL(keeper.replay_ids(8, ids), 5);
    CHECK(ids[3] == pad && ids[4] == 9600 && ids[6] == 106 && ids[7] == 9700);
}

std::vector<float> long_speech(size_t n_takes) {
    std::vector<std::vector<float>> parts;
    parts.reserve(n_takes);
    for (size_t i = 0; i < n_takes; i++) {
        parts.push_back(digit_take((5 * i + 3) % digit_takes().size()));
    }
    return joined(parts);
}

// Words and their times, to compare runs.
std::vector<std::string> words_of(const live_result & result) {
    std::vector<std::string> words;
    for (const session_event & each : result.events) {
        if (each.type == KSTT_EVENT_WORD) {
            words.push_back(format("%s %.2f", each.text.c_str(), each.start));
        }
    }
    return words;
}

// Recordings several windows long: pauses, limits in mid-word and tiny replays change neither words nor order.
void test_long_audio() {
    engine_options one;
    one.n_threads = 1;
    engine                   owner(digits_folder, one);
    const std::vector<float> pcm = long_speech(12);
    CHECK(static_cast<double>(pcm.size()) / 24000.0 > 6 * owner.model().config.decoder.sliding_window / 12.5);
    const std::string     plain   = hear(owner, {}, pcm).text();
    const refresh_options kinds[] = { limits(0, 0, 0), limits(60, 60, 32), limits(90, 90, 8) };
    for (const refresh_options & kind : kinds) {
        session_options options;
        options.refresh         = kind;
        const live_result heard = hear(owner, options, pcm);
        CHECK_EQUAL(heard.text(), plain);
        CHECK(heard.count(KSTT_EVENT_REFRESH) >= 5);
        CHECK_EQUAL(heard.count(KSTT_EVENT_REFRESH, KSTT_REFRESH_STALL), 0U);
        double last = 0.0;
        for (const session_event & each : heard.events) {
            if (each.type == KSTT_EVENT_WORD || each.type == KSTT_EVENT_REFRESH) {
                CHECK(each.type == KSTT_EVENT_REFRESH || each.start >= last);
                last = each.type == KSTT_EVENT_WORD ? each.start : last;
            }
        }
    }
}

// A file that fits into the window is decoded in one state.
void test_short_file() {
    engine_options one;
    one.n_threads = 1;
    engine          owner(digits_folder, one);
    session_options options;
    options.refresh.enabled = true;
    options.priority        = session_priority::file;
    for (size_t i = 0; i < digit_takes().size(); i++) {
        const std::vector<float> pcm = digit_take(i);
        if (static_cast<double>(pcm.size()) / 24000.0 < 7.9 - 1.56) {
            CHECK_EQUAL(hear(owner, options, pcm).count(KSTT_EVENT_REFRESH), 0U);
        }
    }
}

// A state that says nothing any more, as users of the published models report: with the remedy every word comes, at its
// time; without it none does.
void test_forced_stall() {
    engine_options one;
    one.n_threads = 1;
    engine                         owner(digits_folder, one);
    const std::vector<float>       pcm   = long_speech(8);
    const std::vector<std::string> plain = words_of(hear(owner, {}, pcm));
    const auto                     run   = [&](bool remedy, const std::vector<int32_t> & tokens, size_t at) {
        session_options options;
        options.refresh         = limits(1 << 20, 1 << 20, 0);
        options.refresh.enabled = remedy;
        live_stream stream(owner, options);
        stream.push(pcm, 0, at);
        stream.drain();
        stream->get_stuck(tokens);
        stream.push(pcm, at, pcm.size() - at);
        stream.finish();
        return stream.result;
    };
    for (const size_t seconds : { 5U, 9U, 14U }) {
        const std::vector<int32_t> silence(100000, pad);
        const live_result          lost = run(false, silence, seconds * 24000);
        CHECK(words_of(lost).size() < plain.size() / 2);
        const live_result              kept  = run(true, silence, seconds * 24000);
        const std::vector<std::string> words = words_of(kept);
        CHECK_EQUAL(kept.count(KSTT_EVENT_REFRESH, KSTT_REFRESH_STALL), 1U);
        CHECK_EQUAL(words.size(), plain.size());
        for (size_t i = 0; i < words.size() && i < plain.size(); i++) {
            CHECK_EQUAL(words[i], plain[i]);
        }
    }
    // Repetition without end: what it said stays said, and then the words come again.
    std::vector<int32_t> loop;
    for (int32_t i = 0; i < 10000; i++) {
        loop.insert(loop.end(), { 0, 12, pad, pad });
    }
    const live_result              freed = run(true, loop, 120000);
    const std::vector<std::string> words = words_of(freed);
    CHECK_EQUAL(freed.count(KSTT_EVENT_REFRESH, KSTT_REFRESH_STALL), 1U);
    size_t n_same = 0;
    while (n_same < plain.size() && n_same < words.size() &&
           words[words.size() - 1 - n_same] == plain[plain.size() - 1 - n_same]) {
        n_same++;
    }
    CHECK(n_same > plain.size() / 2);
}

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run(
        { test_detector, test_keeper, test_keeper_stall, test_long_audio, test_short_file, test_forced_stall });
}
