#include "session/token-constraint.h"

#include "runtime/error.h"

namespace kstt {

namespace {

void check_ids(const std::vector<int32_t> & ids, int32_t n_tokens, const char * what) {
    for (const int32_t id : ids) {
        if (id < 0 || id >= n_tokens) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        format("%s has the id %d; the tokens of this model are 0 to %d", what, id, n_tokens - 1));
        }
    }
}

}  // namespace

token_constraint::token_constraint(const constraint_options & options,
                                   int32_t                    n_tokens,
                                   int32_t                    boundary_id,
                                   int32_t                    pad_id)
    : boundary_id_(boundary_id), pad_id_(pad_id), prompt_(options.prompt) {
    check_ids(options.banned, n_tokens, "banned_tokens");
    check_ids(options.allowed, n_tokens, "allowed_tokens");
    check_ids(options.prompt, n_tokens, "prompt_tokens");
    if (!options.banned.empty() || !options.allowed.empty()) {
        mask_.assign(static_cast<size_t>(n_tokens), options.allowed.empty() ? 1 : 0);
        mask_[static_cast<size_t>(boundary_id)] = 1;
        mask_[static_cast<size_t>(pad_id)]      = 1;
        for (const int32_t id : options.allowed) {
            mask_[static_cast<size_t>(id)] = 1;
        }
        for (const int32_t id : options.banned) {
            mask_[static_cast<size_t>(id)] = 0;
        }
        if (mask_[static_cast<size_t>(pad_id)] == 0) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        format("banned_tokens has the pad id %d, which a model needs to say nothing", pad_id));
        }
    }
    reset();
}

}  // namespace kstt
