// Prompts, and the constraint on tokens that they are made of.
#include "check.h"
#include "live-session.h"
#include "runtime/device.h"

#include <cmath>
#include <cstdlib>

namespace {

using namespace kstt;

engine_options slots(int32_t n) {
    engine_options options;
    options.n_slots   = n;
    options.n_threads = 1;
    return options;
}

void test_prompts() {
    engine            owner(digits_folder, slots(1));
    session_options   options;
    const auto        main_take   = digit_take(2);
    const auto        prompt_take = digit_take(0);
    const live_result plain       = hear(owner, options, main_take);

    // Words of an audio prompt are not the recording's, and its time is not the recording's.
    session_options with_audio = options;
    with_audio.prompt_pcm      = prompt_take;
    const live_result heard    = hear(owner, with_audio, main_take);
    CHECK_EQUAL(heard.text(), plain.text());
    CHECK_EQUAL(heard.events.back().end, static_cast<double>(main_take.size()) / 24000.0);
    const auto starts = [](const live_result & result) {
        std::vector<double> all;
        for (const session_event & each : result.events) {
            if (each.type == KSTT_EVENT_WORD) {
                all.push_back(each.start);
            }
        }
        return all;
    };
    for (size_t i = 0; i < starts(plain).size() && i < starts(heard).size(); i++) {
        CHECK(std::abs(starts(plain)[i] - starts(heard)[i]) < 0.17);  // two frames
    }

    // Text that the audio does not say in time: dropped with a warning, nothing of it in the words.
    session_options with_text   = with_audio;
    with_text.constraint.prompt = std::vector<int32_t>(60, 12);
    const live_result cut       = hear(owner, with_text, main_take);
    CHECK_EQUAL(cut.count(KSTT_EVENT_WARNING, KSTT_WARNING_PROMPT_CUT), 1U);
    CHECK_EQUAL(cut.text(), plain.text());

    // Text without audio: said by the model before the recording begins; no word of it comes out, none is lost.
    session_options text_only   = options;
    text_only.emit_tokens       = true;
    text_only.constraint.prompt = { 12, 13, 14 };
    const live_result said      = hear(owner, text_only, main_take);
    CHECK_EQUAL(said.text(), plain.text());
    CHECK_EQUAL(said.count(KSTT_EVENT_WARNING), 0U);
    std::vector<int32_t> pieces;
    for (const session_event & each : said.events) {
        if (each.type == KSTT_EVENT_TOKEN && each.token > 3 && pieces.size() < 3) {
            pieces.push_back(each.token);
        }
    }
    CHECK(pieces == text_only.constraint.prompt);
}

void test_constraint() {
    token_constraint constraint({ { 2 }, {}, { 5, 4 } }, 8, 0, 3);
    const float      logits[8] = { 0, 0, 9, 1, 3, 2, 8, 7 };
    CHECK_EQUAL(pick_allowed(logits, 8, constraint).token, 5);  // of 0, 3 and 5
    constraint.took(5);
    CHECK_EQUAL(pick_allowed(logits, 8, constraint).token, 4);
    constraint.took(3);
    CHECK_EQUAL(constraint.n_prompt_left(), 1U);
    constraint.took(4);
    const picked_token free = pick_allowed(logits, 8, constraint);
    CHECK_EQUAL(free.token, 6);
    // The probability is among those that may come: 8 of {0, 0, 1, 3, 2, 8, 7}.
    CHECK(std::abs(free.probability - 0.7248F) < 0.001F);
    token_constraint few({ {}, { 7 }, {} }, 8, 0, 3);
    CHECK(few.allows(0) && few.allows(3) && few.allows(7) && !few.allows(6));
    CHECK_THROWS(token_constraint({ { 3 }, {}, {} }, 8, 0, 3), KSTT_STATUS_INVALID_ARGUMENT, "pad id 3");
    CHECK_THROWS(token_constraint({ {}, { 8 }, {} }, 8, 0, 3), KSTT_STATUS_INVALID_ARGUMENT, "allowed_tokens", "8");
    CHECK_THROWS(token_constraint({ {}, {}, { -1 } }, 8, 0, 3), KSTT_STATUS_INVALID_ARGUMENT, "prompt_tokens");
}

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run({ test_constraint, test_prompts });
}
