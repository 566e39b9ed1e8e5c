// The word messages of Kyutai's Rust server, quirks included (spec 6.3): for clients that speak its protocol.
#pragma once

#include "text/piece-decoder.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

struct moshi_message {
    bool        is_end = false;  // EndWord, else Word
    std::string text;            // of a Word; may be empty
    double      time = 0.0;      // start_time or stop_time: seconds on the clock of everything fed, silence included
};

class moshi_words {
  public:
    // delay_steps: the server's asr_delay_in_tokens. The decoder is borrowed.
    moshi_words(
        const piece_decoder * decoder, double frame_rate, int32_t delay_steps, int32_t boundary_id, int32_t pad_id)
        : decoder_(decoder), frame_rate_(frame_rate), delay_steps_(delay_steps), boundary_id_(boundary_id),
          pad_id_(pad_id) {}

    // n_steps: steps done, the one that emitted the token included.
    void push(int64_t n_steps, int32_t token, std::vector<moshi_message> & out) {
        if (n_steps < delay_steps_) {
            return;
        }
        if (token != boundary_id_ && token != pad_id_) {
            word_.push_back(token);
            return;
        }
        if (!word_.empty()) {
            out.push_back({ false, decoder_->decode(word_.data(), word_.size()), last_stop_ });
            word_.clear();
            unended_ = true;
        }
        if (token == boundary_id_) {
            const double stop = static_cast<double>(n_steps - delay_steps_) / frame_rate_;
            if (unended_) {
                out.push_back({ true, {}, stop });
                unended_ = false;
            }
            last_stop_ = stop;
        }
    }

    void reset() {
        word_.clear();
        unended_   = false;
        last_stop_ = 0.0;
    }

    template <typename Archive>
    void archive(Archive & a) {
        a(word_, unended_, last_stop_);
    }

  private:
    const piece_decoder * decoder_;
    double                frame_rate_;
    int32_t               delay_steps_;
    int32_t               boundary_id_;
    int32_t               pad_id_;
    std::vector<int32_t>  word_;
    bool                  unended_   = false;
    double                last_stop_ = 0.0;
};

}  // namespace kstt
