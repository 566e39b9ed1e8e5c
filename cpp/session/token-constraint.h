// Which tokens a session may choose at a step: the base of prompts and of banned or allowed vocabularies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace kstt {

struct constraint_options {
    std::vector<int32_t> banned;   // never chosen
    std::vector<int32_t> allowed;  // empty: all; else these, the boundary and the pad
    std::vector<int32_t> prompt;   // the pieces to be said first, in this order
};

class token_constraint {
  public:
    // n_tokens: tokens the head can choose from. Throws INVALID_ARGUMENT: an id out of range, a banned pad.
    token_constraint(const constraint_options & options, int32_t n_tokens, int32_t boundary_id, int32_t pad_id);

    // True if every token may be chosen at this step.
    bool is_open() const { return queue_.empty() && mask_.empty(); }

    // While pieces of the prompt are left, only the boundary, the pad and the next of them may come (spec 8).
    bool allows(int32_t token) const {
        if (!queue_.empty()) {
            return token == boundary_id_ || token == pad_id_ || token == queue_.front();
        }
        return mask_.empty() || mask_[static_cast<size_t>(token)] != 0;
    }

    void took(int32_t token) {
        if (!queue_.empty() && token == queue_.front()) {
            queue_.pop_front();
        }
    }

    size_t n_prompt_left() const { return queue_.size(); }

    void drop_prompt() { queue_.clear(); }

    void reset() { queue_.assign(prompt_.begin(), prompt_.end()); }

    template <typename Archive>
    void archive(Archive & a) {
        a(queue_);
    }

  private:
    int32_t              boundary_id_;
    int32_t              pad_id_;
    std::vector<uint8_t> mask_;  // [n_tokens], 1: may be chosen; empty: all
    std::vector<int32_t> prompt_;
    std::deque<int32_t>  queue_;
};

}  // namespace kstt
