#include "session/word-assembler.h"

#include "runtime/error.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>

namespace kstt {
namespace {

// Ids 0 to 3 of every vocabulary of this family are control pieces (spec 1.2): never text.
constexpr int32_t last_control_id = 3;

// A word that no piece has followed for longer is over (stt_from_file_pytorch.py ends the last word after at most one
// second).
constexpr double max_silence_seconds = 1.0;

std::string trimmed(const std::string & text) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

word_assembler::word_assembler(const piece_decoder * decoder,
                               const timeline *      line,
                               const sound_trace *   sounds,
                               int32_t               boundary_id,
                               int32_t               pad_id)
    : decoder_(decoder), line_(line), sounds_(sounds), boundary_id_(boundary_id), pad_id_(pad_id) {}

void word_assembler::open(int64_t start_step, double start_time) {
    start_step_          = start_step;
    start_time_          = start_time;
    boundary_step_       = -1;
    sum_log_probability_ = 0.0;
    n_pieces_            = 0;
    bytes_.clear();
}

bool word_assembler::describe(const std::string & bytes, double end, word & out) const {
    out.text = trimmed(utf8_repair(bytes));
    if (start_step_ < 0 || out.text.empty()) {
        return false;
    }
    out.start      = std::max(start_time_, last_end_);
    out.end        = std::max(end, out.start);
    out.confidence = static_cast<float>(std::exp(sum_log_probability_ / static_cast<double>(n_pieces_)));
    out.start_step = start_step_;
    return true;
}

// end_step: what the tokens say of the end; limit_step: the word cannot end later.
void word_assembler::close(int64_t end_step, int64_t limit_step, std::vector<word> & out) {
    double end = line_->time_of_step(end_step);
    if (sounds_ != nullptr && start_step_ >= 0) {
        const int64_t frame = sounds_->end_of_sound(line_->frame_of_step(start_step_),
                                                    line_->frame_of_step(last_piece_step_),
                                                    line_->frame_of_step(limit_step));
        end                 = frame < 0 ? end : std::min(line_->time_of_frame(frame), line_->time_of_step(limit_step));
    }
    word result;
    if (describe(bytes_, end, result)) {
        last_end_ = result.end;
        out.push_back(std::move(result));
    }
    start_step_ = -1;
    bytes_.clear();
}

bool word_assembler::partial(word & out) const {
    if (last_piece_step_ != last_step_) {
        return false;
    }
    // A character whose bytes have not all come is left for the next time.
    return describe(
        bytes_.substr(0, bytes_.size() - utf8_incomplete_tail(bytes_)), line_->time_of_step(last_piece_step_ + 1), out);
}

void word_assembler::push(int64_t step, int32_t token, float probability, std::vector<word> & out) {
    KSTT_CHECK(step > last_step_);
    last_step_ = step;

    if (token == boundary_id_) {
        close(step, step, out);
        boundary_step_ = step;
        boundary_time_ = line_->time_of_step(step);
        return;
    }
    const bool control = token == pad_id_ || token <= last_control_id || decoder_->piece(token).empty();
    if (control) {
        if (start_step_ >= 0 &&
            static_cast<double>(step - last_piece_step_) > max_silence_seconds * line_->steps_per_second()) {
            close(last_piece_step_ + 1, step, out);
        }
        return;
    }
    if (start_step_ >= 0 && decoder_->starts_word(token) && !trimmed(bytes_).empty()) {
        close(step - 1, step - 1, out);
    }
    if (start_step_ < 0) {
        // Without a boundary: one step before the piece, where the boundary would have been.
        const int64_t before = std::max<int64_t>(step - 1, 0);
        open(boundary_step_ >= 0 ? boundary_step_ : before,
             boundary_step_ >= 0 ? boundary_time_ : line_->time_of_step(before));
    }
    bytes_ += decoder_->piece(token);
    last_piece_step_ = step;
    // The bounds keep one impossible probability, NaN included, from making the whole word's confidence NaN.
    sum_log_probability_ += std::log(probability > 1e-30F ? std::min(static_cast<double>(probability), 1.0) : 1e-30);
    ++n_pieces_;
}

void word_assembler::finish(int64_t n_steps, std::vector<word> & out) {
    close(std::min(last_piece_step_ + 1, n_steps), n_steps, out);
    boundary_step_ = -1;
}

void word_assembler::rewind(int64_t step) {
    KSTT_CHECK(start_step_ < 0 || start_step_ < step);
    last_step_ = std::min(last_step_, step - 1);
    if (boundary_step_ >= step) {
        boundary_step_ = -1;
    }
}

void word_assembler::reset() {
    *this = word_assembler(decoder_, line_, sounds_, boundary_id_, pad_id_);
}

}  // namespace kstt
