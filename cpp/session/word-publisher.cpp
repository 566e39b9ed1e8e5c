#include "session/word-publisher.h"

#include <cmath>
#include <limits>

namespace kstt {

namespace {

// Emitted on the step before a word's first piece (spec 1.2).
constexpr int32_t boundary_id = 0;

// Ids 0 to 3 of every vocabulary of this family are control pieces (spec 1.2): never text.
constexpr int32_t last_control_id = 3;

int32_t moshi_delay(const session_options & options, const timeline & line) {
    return options.moshi_delay_steps >= 0
               ? options.moshi_delay_steps
               : static_cast<int32_t>(std::floor(line.delay_seconds() * line.steps_per_second() + 1e-9));
}

}  // namespace

word_publisher::word_publisher(const stt_model &       model,
                               const session_options & options,
                               const timeline &        line,
                               const sound_trace &     sounds)
    : model_(model), options_(options), line_(line),
      words_(&model.pieces, &line, &sounds, boundary_id, model.config.decoder.pad_token_id),
      moshi_(&model.pieces,
             line.steps_per_second(),
             moshi_delay(options, line),
             boundary_id,
             model.config.decoder.pad_token_id) {}

void word_publisher::reset() {
    words_.reset();
    moshi_.reset();
    open_start_step_ = -1;
    open_text_.clear();
}

bool word_publisher::is_piece(int32_t token) const {
    return token > last_control_id && token != model_.config.decoder.pad_token_id &&
           !model_.pieces.piece(token).empty();
}

bool word_publisher::is_text(int32_t token) const {
    return token == boundary_id || is_piece(token);
}

bool word_publisher::is_muted(int64_t start_step) const {
    return muted_until_ > 0 && line_.sample_of_step(start_step) < static_cast<double>(muted_until_);
}

void word_publisher::publish(int32_t type, int64_t step, const word & each, event_list & out) const {
    if (is_muted(each.start_step)) {
        return;
    }
    session_event event;
    event.type       = type;
    event.step       = step;
    event.start      = each.start;
    event.end        = each.end;
    event.confidence = each.confidence;
    event.text       = each.text;
    out.push_back(std::move(event));
}

void word_publisher::push(int64_t step, const picked_token & picked, event_list & out) {
    std::vector<word> final_words;
    words_.push(step, picked.token, picked.probability, final_words);
    opened_at_ = std::numeric_limits<double>::quiet_NaN();
    word       open;
    const bool is_open = words_.partial(open) && !is_muted(open.start_step);
    const bool is_new  = is_open && open.start_step != open_start_step_;
    const bool changed = is_new || (is_open && open.text != open_text_);
    if (is_new) {
        open_start_step_ = open.start_step;
        opened_at_       = open.start;
    }
    if (changed) {
        open_text_ = open.text;
    }
    if (options_.moshi_server) {
        if (is_muted(step)) {
            return;
        }
        std::vector<moshi_message> messages;
        moshi_.push(step + 1, picked.token, messages);
        for (moshi_message & message : messages) {
            session_event event;
            event.type  = message.is_end ? KSTT_EVENT_MOSHI_END_WORD : KSTT_EVENT_MOSHI_WORD;
            event.step  = step;
            event.start = event.end = message.time;
            event.text              = std::move(message.text);
            out.push_back(std::move(event));
        }
        return;
    }
    for (const word & each : final_words) {
        publish(KSTT_EVENT_WORD, step, each, out);
    }
    if (options_.partials && changed) {
        publish(KSTT_EVENT_PARTIAL, step, open, out);
    }
}

void word_publisher::finish(int64_t n_steps, event_list & out) {
    std::vector<word> final_words;
    words_.finish(n_steps, final_words);
    for (const word & each : final_words) {
        if (!options_.moshi_server) {
            publish(KSTT_EVENT_WORD, n_steps, each, out);
        }
    }
}

}  // namespace kstt
