// Where words end that silence follows: frames with sound and without.
#include "check.h"
#include "session/sound-trace.h"

#include <string>

namespace {

// '#' is a frame that stands out, '.' one that does not.
kstt::sound_trace trace_of(const std::string & frames) {
    kstt::sound_trace trace;
    for (const char each : frames) {
        trace.push(each == '#');
    }
    return trace;
}

void test_ends() {
    const kstt::sound_trace one = trace_of("..####.....####..");
    CHECK(one.end_of_sound(2, 3, 11) == 6);
    CHECK(one.end_of_sound(1.4, 2.2, 11.5) == 6);
    // The next word begins at once: nothing is known but that.
    CHECK(one.end_of_sound(2, 3, 5) == 5);
    CHECK(one.end_of_sound(11, 12, 17) == 15);
}

void test_closures() {
    const kstt::sound_trace one = trace_of(".##.##...##.#.");
    // One silent frame is the closure of a consonant, two are the end.
    CHECK(one.end_of_sound(1, 2, 9) == 6);
    // A silence that reaches the limit ends a word, however short it is.
    CHECK(one.end_of_sound(9, 10, 14) == 13);
}

void test_pieces_ahead_and_behind() {
    const kstt::sound_trace one = trace_of("....####..####...");
    // The piece is said before its sound.
    CHECK(one.end_of_sound(2, 3, 10) == 8);
    // A silence before the last piece is inside the word.
    CHECK(one.end_of_sound(4, 11, 17) == 14);
}

void test_unknown() {
    const kstt::sound_trace silent = trace_of(".........");
    CHECK(silent.end_of_sound(1, 2, 8) == -1);
    CHECK(kstt::sound_trace().end_of_sound(0, 1, 5) == -1);
    // Only the last 256 frames are kept.
    const kstt::sound_trace old = trace_of(std::string(10, '#') + std::string(300, '.'));
    CHECK(old.end_of_sound(2, 3, 9) == -1);
    kstt::sound_trace fresh = old;
    fresh.reset();
    fresh.push(true);
    CHECK(fresh.end_of_sound(0, 0, 1) == 1);
}

}  // namespace

int main() {
    return check_run({ test_ends, test_closures, test_pieces_ahead_and_behind, test_unknown });
}
