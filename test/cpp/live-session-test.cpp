// Sessions in company and by themselves: flushes, snapshots at any point, priorities, pause heads, cancelling.
#include "check.h"
#include "live-session.h"
#include "parity-signal.h"
#include "runtime/device.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>

namespace {

using namespace kstt;

const std::string random_folder = "test/fixtures/parity/gqa-f32/checkpoint";

engine_options slots(int32_t n) {
    engine_options options;
    options.n_slots   = n;
    options.n_threads = 1;
    return options;
}

// Everything on, in a different mixture for each i.
session_options mixed_options(uint32_t i) {
    session_options options;
    options.emit_tokens          = true;
    options.partials             = i % 2 == 0;
    options.moshi_server         = i % 5 == 4;
    options.priority             = i % 3 == 2 ? session_priority::file : session_priority::live;
    options.turn.enabled         = i % 3 != 1;
    options.refresh.enabled      = i % 4 != 3;
    options.refresh.pause_steps  = 12 + static_cast<int32_t>(i % 7);
    options.refresh.limit_steps  = 20 + static_cast<int32_t>(i % 5);
    options.refresh.replay_steps = 3 + static_cast<int32_t>(i % 11);
    if (i % 4 == 1) {
        options.constraint.banned = { 5, 7, 11 };
    }
    if (i % 7 == 3) {
        options.constraint.prompt = { 20, 21, 22 };
    }
    return options;
}

// What one session does with its audio: the same calls whoever is beside it.
struct script {
    session_options    options;
    std::vector<float> pcm;
    int32_t            rate     = 24000;
    size_t             flush_at = 0;  // samples; 0: never
};

script make_script(uint32_t i) {
    script result;
    result.options  = mixed_options(i);
    result.rate     = i % 3 == 0 ? 16000 : 24000;
    result.pcm      = parity_signal(100 + i, 30000 + 7919 * (i % 6));
    result.flush_at = i % 2 == 1 ? 11000 + 1000 * i : 0;
    return result;
}

// Pushes the next n samples, flushing on the way.
void play(live_stream & stream, const script & what, size_t & at, size_t n) {
    const size_t end = std::min(what.pcm.size(), at + n);
    while (at < end) {
        const bool   crosses = what.flush_at > at && what.flush_at <= end;
        const size_t to      = crosses ? what.flush_at : end;
        stream.push(what.pcm, at, to - at, what.rate);
        at = to;
        if (crosses) {
            stream->flush();
        }
    }
}

std::vector<std::string> run_alone(engine & owner, const script & what) {
    live_stream stream(owner, what.options);
    size_t      at = 0;
    play(stream, what, at, what.pcm.size());
    stream.finish();
    return stream.result.lines();
}

// Sessions of all kinds join, are fed unevenly, are cancelled, moved to other slots by snapshots, and leave: each that
// comes to its end has said exactly what it says alone.
void test_company() {
    constexpr uint32_t                    n_scripts = 12;
    engine                                single(random_folder, slots(1));
    engine                                owner(random_folder, slots(4));
    engine                                other(random_folder, slots(1));
    std::vector<script>                   scripts;
    std::vector<std::vector<std::string>> alone;
    for (uint32_t i = 0; i < n_scripts; i++) {
        scripts.push_back(make_script(i));
        alone.push_back(run_alone(single, scripts.back()));
        CHECK(alone.back().size() > 20);
    }
    struct seat {
        std::unique_ptr<live_stream> stream;
        uint32_t                     index = 0;
        size_t                       at    = 0;
        bool                         ended = false;
    };
    std::vector<seat> seats(4);
    std::mt19937      random(17);
    int32_t           n_finished = 0;
    for (int32_t round = 0; round < 4000 && n_finished < 40; round++) {
        seat & one = seats[random() % seats.size()];
        if (one.stream == nullptr) {
            one        = seat();
            one.index  = random() % n_scripts;
            one.stream = std::make_unique<live_stream>(owner, scripts[one.index].options);
        }
        const script & what = scripts[one.index];
        play(*one.stream, what, one.at, random() % 6000);
        if (one.at == what.pcm.size() && !one.ended) {
            (*one.stream)->end();
            one.ended = true;
        }
        owner.step(static_cast<int32_t>(random() % 4) + 1);
        one.stream->poll();
        if (random() % 40 == 0) {
            one.stream.reset();  // cancelled
            continue;
        }
        if (random() % 10 == 0) {
            // Away and back: through the bytes, once through another engine.
            live_result                kept  = one.stream->result;
            const std::vector<uint8_t> bytes = one.stream->snapshot();
            one.stream.reset();
            std::vector<uint8_t> moved = bytes;
            if (random() % 2 == 0) {
                live_stream guest(other, bytes);
                moved = guest.snapshot();
                CHECK(moved == bytes);
            }
            one.stream         = std::make_unique<live_stream>(owner, moved);
            one.stream->result = kept;
        }
        if (one.stream->result.count(KSTT_EVENT_END) > 0) {
            CHECK(one.stream->result.lines() == alone[one.index]);
            one.stream.reset();
            n_finished++;
        }
    }
    CHECK(n_finished >= 40);
}

void test_flush() {
    engine             owner(digits_folder, slots(2));
    const model_config config = owner.model().config;
    session_options    options;
    const auto         take  = digit_take(5);
    const live_result  whole = hear(owner, options, take);
    CHECK(!whole.text().empty());

    // Everything said is out when the flush is over, and the words and times are those without it.
    live_stream stream(owner, options);
    stream.push(take);
    stream->flush();
    stream.drain();
    CHECK_EQUAL(stream.result.text(), whole.text());
    CHECK_EQUAL(stream.result.events.back().type, KSTT_EVENT_FLUSHED);
    const double seconds = static_cast<double>(take.size()) / 24000.0;
    CHECK(std::abs(stream.result.events.back().end - seconds) < 1e-9);
    // The next take starts where the first one ended, whatever silence was put in between.
    const size_t n_before = stream.result.events.size();
    stream.push(take);
    stream->flush();
    stream.finish();
    std::vector<session_event> second(stream.result.events.begin() + static_cast<int64_t>(n_before),
                                      stream.result.events.end());
    size_t                     n_words = 0;
    for (const session_event & each : second) {
        if (each.type == KSTT_EVENT_WORD) {
            CHECK(each.start >= seconds && each.end <= 2.0 * seconds + 1e-9);
            n_words++;
        }
    }
    CHECK_EQUAL(n_words, whole.count(KSTT_EVENT_WORD));
    CHECK(std::abs(second.back().end - 2.0 * seconds) < 1e-9 && second.back().type == KSTT_EVENT_END);

    // The steps of a flush: the delay, one, and what an open word needs.
    const auto  n_delay = static_cast<int64_t>(std::ceil(config.audio_delay_seconds * config.codec.frame_rate));
    live_stream short_one(owner, options);
    short_one.push(take, 0, 1920 * 10);
    short_one.drain();
    short_one->flush();
    int64_t n_steps = 0;
    while (owner.step(1) > 0) {
        n_steps++;
    }
    CHECK(n_steps >= n_delay + 1 && n_steps <= n_delay + 14);
}

void test_snapshot_refusals() {
    engine      owner(random_folder, slots(2));
    engine      digits(digits_folder, slots(1));
    live_stream stream(owner, mixed_options(3));
    stream.push(parity_signal(4, 60000));
    owner.step(20);
    const std::vector<uint8_t> good = stream.snapshot();
    CHECK_THROWS(digits.restore_session(good.data(), good.size()), KSTT_STATUS_INVALID_SNAPSHOT, "another model");
    CHECK_THROWS(owner.restore_session(good.data(), 10), KSTT_STATUS_INVALID_SNAPSHOT, "10 bytes");
    CHECK_THROWS(owner.restore_session(good.data(), good.size() - 1), KSTT_STATUS_INVALID_SNAPSHOT, "damaged");
    std::vector<uint8_t> version = good;
    version[8]                   = 99;
    CHECK_THROWS(owner.restore_session(version.data(), version.size()), KSTT_STATUS_INVALID_SNAPSHOT, "format 99");
    std::vector<uint8_t> magic = good;
    magic[0]                   = 'X';
    CHECK_THROWS(owner.restore_session(magic.data(), magic.size()), KSTT_STATUS_INVALID_SNAPSHOT, "no snapshot");
    // Any flipped byte of the payload is noticed by the checksum.
    std::mt19937 random(5);
    for (int32_t i = 0; i < 30; i++) {
        std::vector<uint8_t> flipped = good;
        flipped[40 + random() % (good.size() - 40)] ^= static_cast<uint8_t>(1U << random() % 8);
        CHECK_THROWS(owner.restore_session(flipped.data(), flipped.size()), KSTT_STATUS_INVALID_SNAPSHOT, "checksum");
    }
    // The slot that was tried stays free.
    const live_stream restored(owner, good);
    CHECK_THROWS(owner.restore_session(good.data(), good.size()), KSTT_STATUS_NO_SLOT, "2 slots");
}

// A checkpoint with pause heads: a vad event per step, the same alone and in company, and turns told from the heads.
void test_heads() {
    engine          owner("test/fixtures/layouts/candle-f32", slots(3));
    const int32_t   n_heads = owner.model().config.decoder.num_extra_heads;
    session_options options;
    options.emit_vad             = true;
    options.emit_tokens          = true;
    options.turn.enabled         = true;
    // Whatever the random heads say is a pause.
    options.turn.pause_threshold = options.turn.speech_threshold = 0.0;
    const auto vads                                              = [](const live_result & result) {
        std::vector<std::vector<float>> all;
        for (const session_event & each : result.events) {
            if (each.type == KSTT_EVENT_VAD) {
                all.push_back(each.probabilities);
            }
        }
        return all;
    };
    std::vector<live_result> alone;
    for (uint32_t i = 0; i < 3; i++) {
        alone.push_back(hear(owner, options, parity_signal(60 + i, 1920 * 40)));
        CHECK_EQUAL(vads(alone.back()).size(), alone.back().count(KSTT_EVENT_TOKEN));
        for (const std::vector<float> & each : vads(alone.back())) {
            CHECK_EQUAL(each.size(), static_cast<size_t>(n_heads));
            CHECK(std::all_of(each.begin(), each.end(), [](float p) { return p > 0.0F && p < 1.0F; }));
        }
        for (const session_event & each : alone.back().events) {
            CHECK((each.type != KSTT_EVENT_SPEECH && each.type != KSTT_EVENT_PAUSE) ||
                  each.detail == KSTT_SOURCE_HEADS);
        }
    }
    CHECK(n_heads == 4 && vads(alone[0]) != vads(alone[1]));
    std::vector<live_stream> together;
    together.reserve(3);
    for (uint32_t i = 0; i < 3; i++) {
        together.emplace_back(owner, options);
        together.back().push(parity_signal(60 + i, 1920 * 40));
        together.back()->end();
    }
    while (owner.step(100) > 0) {
    }
    for (size_t i = 0; i < 3; i++) {
        together[i].poll();
        CHECK(vads(together[i].result) == vads(alone[i]));
        CHECK(together[i].result.lines() == alone[i].lines());
    }
}

void test_priority() {
    engine          owner(random_folder, slots(2));
    session_options options;
    options.emit_tokens        = true;
    options.prefix_seconds     = 0.0;
    session_options in_passing = options;
    in_passing.priority        = session_priority::file;
    live_stream file(owner, in_passing);
    live_stream live(owner, options);
    file.push(parity_signal(1, 1920 * 60));
    live.push(parity_signal(2, 1920 * 40));
    owner.step(30);
    live.poll();
    file.poll();
    // The live one steps in every round, the file in one of nine.
    CHECK_EQUAL(live.result.count(KSTT_EVENT_TOKEN), 30U);
    CHECK_EQUAL(file.result.count(KSTT_EVENT_TOKEN), 3U);
    file.drain();
    live.poll();
    CHECK_EQUAL(live.result.count(KSTT_EVENT_TOKEN), 41U);
    CHECK_EQUAL(file.result.count(KSTT_EVENT_TOKEN), 61U);
}

// A session that leaves while a long call steps waits for one round, not for the call.
void test_cancel() {
    engine            owner(random_folder, slots(2));
    live_stream       busy(owner, session_options());
    std::atomic<bool> over{ false };
    busy.push(parity_signal(3, 1920 * 2000));
    std::thread stepping([&] {
        owner.step(100000);
        over = true;
    });
    const auto  wait_until = [&](int64_t steps) {
        while (owner.stats().steps < steps && !over) {
            std::this_thread::yield();
        }
    };
    // This thread may lose its processor between two lines, which lets rounds pass: the best of some attempts counts.
    const std::vector<float> pcm   = parity_signal(4, 1920 * 400);
    int64_t                  least = INT64_MAX;
    for (int32_t attempt = 0; attempt < 20 && least > 2; attempt++) {
        auto doomed = std::make_unique<live_stream>(owner, session_options());
        doomed->push(pcm);
        wait_until(owner.stats().steps + 5);
        const int64_t before = owner.stats().steps;
        doomed.reset();
        least = std::min(least, owner.stats().steps - before);
    }
    CHECK(!over);
    CHECK(least <= 2);
    const live_stream next(owner, session_options());  // the slot is free
    stepping.join();
}

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run({ test_company, test_flush, test_snapshot_refusals, test_heads, test_priority, test_cancel });
}
