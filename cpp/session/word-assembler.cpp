#include "session/word-assembler.h"

#include "runtime/error.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>

namespace kstt {
namespace {

// Ids 0 to 3 of every vocabulary of this family are control pieces (spec 1.2): never text.
constexpr int32_t last_control_id = 3;

// A word that is followed by a longer silence ends at its last piece instead of at the next word
// (stt_from_file_pytorch.py ends the last word after at most one second).
constexpr double max_silence_seconds = 1.0;

std::string trimmed(const std::string & text) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

word_assembler::word_assembler(const piece_decoder * decoder, const word_clock & clock)
    : decoder_(decoder), clock_(clock) {}

double word_assembler::time_of(int64_t step) const {
    return static_cast<double>(step) / clock_.frame_rate - clock_.delay_seconds - clock_.prefix_seconds;
}

void word_assembler::open(int64_t start_step) {
    start_step_          = start_step;
    boundary_step_       = -1;
    sum_log_probability_ = 0.0;
    n_pieces_            = 0;
    bytes_.clear();
}

void word_assembler::close(int64_t end_step, std::vector<word> & out) {
    const std::string text = trimmed(utf8_repair(bytes_));
    if (start_step_ >= 0 && !text.empty()) {
        word result;
        result.text       = text;
        result.start      = std::min(std::max(time_of(start_step_), last_end_), duration_);
        result.end        = std::min(std::max(time_of(end_step), result.start), duration_);
        result.confidence = static_cast<float>(std::exp(sum_log_probability_ / static_cast<double>(n_pieces_)));
        last_end_         = result.end;
        out.push_back(std::move(result));
    }
    start_step_ = -1;
    bytes_.clear();
}

void word_assembler::push(int64_t step, int32_t token, float probability, std::vector<word> & out) {
    KSTT_CHECK(step > last_step_);
    last_step_ = step;

    if (token == clock_.boundary_id) {
        close(step, out);
        boundary_step_ = step;
        return;
    }
    const bool control = token == clock_.pad_id || token <= last_control_id || decoder_->piece(token).empty();
    if (control) {
        if (start_step_ >= 0 &&
            static_cast<double>(step - last_piece_step_) > max_silence_seconds * clock_.frame_rate) {
            close(last_piece_step_ + 1, out);
        }
        return;
    }
    if (start_step_ >= 0 && decoder_->starts_word(token) && !trimmed(bytes_).empty()) {
        close(step - 1, out);
    }
    if (start_step_ < 0) {
        // Without a boundary: one step before the piece, where the boundary would have been.
        open(boundary_step_ >= 0 ? boundary_step_ : std::max<int64_t>(step - 1, 0));
    }
    bytes_ += decoder_->piece(token);
    last_piece_step_ = step;
    // The bounds keep one impossible probability, NaN included, from making the whole word's confidence NaN.
    sum_log_probability_ += std::log(probability > 1e-30F ? std::min(static_cast<double>(probability), 1.0) : 1e-30);
    ++n_pieces_;
}

void word_assembler::finish(int64_t n_steps, double duration_seconds, std::vector<word> & out) {
    set_duration(duration_seconds);
    close(std::min(last_piece_step_ + 1, n_steps), out);
    boundary_step_ = -1;
}

void word_assembler::reset() {
    *this = word_assembler(decoder_, clock_);
}

}  // namespace kstt
