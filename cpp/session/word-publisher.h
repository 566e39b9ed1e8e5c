// From tokens to the events of words: final and partial ones, or the messages of Kyutai's server.
#pragma once

#include "model/stt-model.h"
#include "session/moshi-words.h"
#include "session/session-event.h"
#include "session/session-options.h"
#include "session/token-picker.h"
#include "session/word-assembler.h"

#include <optional>

namespace kstt {

class word_publisher {
  public:
    // All borrowed.
    word_publisher(const stt_model &       model,
                   const session_options & options,
                   const timeline &        line,
                   const sound_trace &     sounds);

    // Words that begin before this stream sample belong to a prompt: they are not published.
    void mute_before(int64_t sample) { muted_until_ = sample; }

    void push(int64_t step, const picked_token & picked, event_list & out);

    // Closes the word that is open; n_steps were taken.
    void finish(int64_t n_steps, event_list & out);

    // Start of the word whose first piece the last step brought; NaN if it brought none.
    double opened_at() const { return opened_at_; }

    void rewind(int64_t step) { words_.rewind(step); }

    // The token is part of a word, or says that one begins.
    bool is_text(int32_t token) const;
    bool is_piece(int32_t token) const;

    void reset();

    template <typename Archive>
    void archive(Archive & a) {
        a(words_, moshi_, muted_until_, open_start_step_, open_text_);
    }

  private:
    bool is_muted(int64_t start_step) const;
    void publish(int32_t type, int64_t step, const word & each, event_list & out) const;

    const stt_model &       model_;
    const session_options & options_;
    const timeline &        line_;
    word_assembler          words_;
    moshi_words             moshi_;
    int64_t                 muted_until_     = 0;
    int64_t                 open_start_step_ = -1;  // of the word last seen open
    std::string             open_text_;             // of the partial last published
    double                  opened_at_ = 0.0;
};

}  // namespace kstt
