// The C ABI: generations, their rules and their steps.
#include "capi/offline-calls.h"
#include "include/kstt.h"

#include <algorithm>
#include <memory>
#include <utility>

using namespace kstt;

namespace {

std::vector<int32_t> ids_of(const int32_t * ids, size_t n) {
    require(ids != nullptr || n == 0, "a list of ids must not be NULL");
    return { ids, ids + n };
}

std::vector<sequence_bias> sequences_of(const kstt_sequence * sequences, size_t n) {
    require(sequences != nullptr || n == 0, "a list of sequences must not be NULL");
    std::vector<sequence_bias> result;
    result.reserve(n);
    for (size_t i = 0; i < n; i++) {
        result.push_back({ ids_of(sequences[i].ids, sequences[i].n_ids), sequences[i].bias });
    }
    return result;
}

score_rules score_rules_of(const kstt_generation_rules & rules) {
    require(is_flag(rules.remove_invalid) && is_flag(rules.sample) && is_flag(rules.renormalize),
            "remove_invalid, sample and renormalize must be 0 or 1");
    score_rules result;
    result.biases = sequences_of(rules.biases, rules.n_biases);
    for (sequence_bias & word : sequences_of(rules.bad_words, rules.n_bad_words)) {
        result.bad_words.push_back(std::move(word.ids));
    }
    result.repetition_penalty = rules.repetition_penalty;
    result.no_repeat_ngram    = rules.no_repeat_ngram;
    result.eos                = ids_of(rules.eos, rules.n_eos);
    result.min_length         = rules.min_length;
    result.min_new_tokens     = rules.min_new_tokens;
    result.forced_bos         = rules.forced_bos;
    result.forced_eos         = ids_of(rules.forced_eos, rules.n_forced_eos);
    result.remove_invalid     = rules.remove_invalid == 1;
    result.decay_start        = rules.decay_start;
    result.decay_factor       = rules.decay_factor;
    result.suppress           = ids_of(rules.suppress, rules.n_suppress);
    result.begin_suppress     = ids_of(rules.begin_suppress, rules.n_begin_suppress);
    result.sample             = rules.sample == 1;
    result.temperature        = rules.temperature;
    result.top_h              = rules.top_h;
    result.top_k              = rules.top_k;
    result.top_p              = rules.top_p;
    result.min_p              = rules.min_p;
    result.typical_p          = rules.typical_p;
    result.epsilon            = rules.epsilon_cutoff;
    result.eta                = rules.eta_cutoff;
    result.renormalize        = rules.renormalize == 1;
    return result;
}

const std::vector<float> & result_of(const generation & object, int32_t what, int32_t index) {
    switch (what) {
    case KSTT_STEP_LOGITS:
        return object.logits();
    case KSTT_STEP_SCORES:
        return object.scores();
    case KSTT_STEP_HIDDEN_STATE:
        return object.last_step().hidden_state(index);
    case KSTT_STEP_ATTENTION:
        return object.last_step().attention(index);
    default:
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "what must be one of KSTT_STEP_*");
    }
}

generation_options options_of(const kstt_generation_params & params,
                              const kstt_generation_rules &  rules,
                              const model_config &           config) {
    require(params.audio_window_size >= 0, "audio_window_size must be 0 (whole input) or positive");
    require(rules.n_return >= 1 && rules.n_return <= 4096, "n_return must be 1 to 4096");
    require(is_flag(rules.pause) && is_flag(rules.record) && is_flag(rules.hidden_states) && is_flag(rules.attentions),
            "pause, record, hidden_states and attentions must be 0 or 1");
    require(rules.record == 1 || (rules.hidden_states == 0 && rules.attentions == 0),
            "hidden_states and attentions need record");
    generation_options options;
    options.max_new_tokens    = params.max_new_tokens;
    options.audio_window_size = params.audio_window_size;
    options.n_return          = rules.n_return;
    options.pause             = rules.pause == 1;
    options.record            = rules.record == 1;
    options.hidden_states     = rules.hidden_states == 1;
    options.attentions        = rules.attentions == 1;
    options.chooser.rules     = score_rules_of(rules);
    options.chooser.seed      = static_cast<uint64_t>(rules.seed);
    options.chooser.pad_id    = rules.pad_id < 0 ? config.decoder.pad_token_id : rules.pad_id;
    require(options.chooser.pad_id < config.decoder.embedding_rows(), "pad_id is outside the embedding table");
    return options;
}

}  // namespace

kstt_generation_params kstt_generation_default_params(void) {
    kstt_generation_params params = {};
    params.max_new_tokens         = -1;
    return params;
}

kstt_generation_rules kstt_generation_default_rules(void) {
    kstt_generation_rules rules = {};
    rules.n_return              = 1;
    rules.pad_id                = -1;
    rules.repetition_penalty    = 1.0;
    rules.forced_bos            = -1;
    rules.decay_start           = -1;
    rules.decay_factor          = 1.0;
    rules.temperature           = 1.0;
    rules.top_p                 = 1.0;
    rules.typical_p             = 1.0;
    return rules;
}

kstt_status kstt_generation_create_with_rules(kstt_engine *                  handle,
                                              const float *                  input_values,
                                              int32_t                        n_rows,
                                              size_t                         n_samples,
                                              const kstt_generation_params * params,
                                              const kstt_generation_rules *  rules,
                                              kstt_generation **             out,
                                              kstt_error *                   err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        generation_options options          = options_of(params != nullptr ? *params : kstt_generation_default_params(),
                                                rules != nullptr ? *rules : kstt_generation_default_rules(),
                                                owner->model().config);
        return make_child<kstt_generation>(
            owner, owner->create_generation(copy_batch(input_values, n_rows, n_samples), std::move(options)));
    });
}

kstt_status kstt_generation_create(kstt_engine *                  handle,
                                   const float *                  input_values,
                                   int32_t                        n_rows,
                                   size_t                         n_samples,
                                   const kstt_generation_params * params,
                                   kstt_generation **             out,
                                   kstt_error *                   err) {
    return kstt_generation_create_with_rules(handle, input_values, n_rows, n_samples, params, nullptr, out, err);
}

kstt_status kstt_generation_advance(kstt_generation * handle,
                                    int32_t           max_frames,
                                    kstt_progress *   out,
                                    kstt_error *      err) {
    return advance_work(handle, max_frames, "max_frames", out, err);
}

int32_t kstt_generation_n_tokens(const kstt_generation * handle) {
    return handle != nullptr ? handle->object->n_tokens() : 0;
}

kstt_status kstt_generation_tokens(const kstt_generation * handle,
                                   int32_t *               tokens,
                                   size_t                  capacity,
                                   kstt_error *            err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        copy_out(handle->object->tokens(), tokens, capacity);
    });
}

void kstt_generation_free(kstt_generation * handle) {
    delete handle;
}

int32_t kstt_generation_n_rows(const kstt_generation * handle) {
    return handle != nullptr ? handle->object->n_rows() : 0;
}

int32_t kstt_generation_waiting(const kstt_generation * handle) {
    return handle != nullptr && handle->object->waiting() ? 1 : 0;
}

kstt_status kstt_generation_read(const kstt_generation * handle,
                                 int32_t                 what,
                                 int32_t                 index,
                                 float *                 out,
                                 size_t                  capacity,
                                 size_t *                size,
                                 kstt_error *            err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        read_out(result_of(*handle->object, what, index), out, capacity, size);
    });
}

kstt_status kstt_generation_set_scores(kstt_generation * handle, const float * scores, size_t n, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(scores != nullptr, "scores must not be NULL");
        handle->object->set_scores({ scores, scores + n });
    });
}

kstt_status kstt_generation_choose(kstt_generation * handle, int32_t * tokens, size_t capacity, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(tokens != nullptr && capacity >= static_cast<size_t>(handle->object->n_rows()),
                "the buffer is too small");
        const std::vector<int32_t> chosen = handle->object->choose();
        std::copy(chosen.begin(), chosen.end(), tokens);
    });
}

kstt_status kstt_generation_finish_rows(kstt_generation * handle, const uint8_t * rows, size_t n, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(rows != nullptr, "rows must not be NULL");
        handle->object->finish_rows({ rows, rows + n });
    });
}

kstt_status kstt_generation_cache(const kstt_generation * handle, kstt_cache ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require_finished(*handle->object, "generation");
        return make_child<kstt_cache>(owner, handle->object->cache());
    });
}
