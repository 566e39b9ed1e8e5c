#include "generation-rules.h"

#include "conversions.h"
#include "error-object.h"
#include "typed-arrays.h"

#include <string>
#include <utility>

namespace kstt_node {

namespace {

uint64_t to_seed(const Napi::Value & value) {
    bool           lossless = false;
    const uint64_t seed     = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
    if (!lossless) {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, "seed must be a BigInt of 64 bits");
    }
    return seed;
}

}  // namespace

std::vector<generation_rules::sequence> generation_rules::to_sequences(const Napi::Value & value,
                                                                       const char *        name,
                                                                       bool                with_bias) {
    if (!value.IsArray()) {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be an array");
    }
    const auto            array = value.As<Napi::Array>();
    std::vector<sequence> result;
    result.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) {
        const Napi::Object entry = to_object(array.Get(i), name);
        sequence           item  = { copy_int32s(entry.Get("ids"), name), 0.0F };
        if (with_bias) {
            const Napi::Value bias = entry.Get("bias");
            // Infinities are biases, too.
            if (!bias.IsNumber()) {
                throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + ": bias must be a number");
            }
            item.bias = bias.As<Napi::Number>().FloatValue();
        }
        result.push_back(std::move(item));
    }
    return result;
}

generation_rules::generation_rules(const Napi::Value & rules) : rules_(kstt_generation_default_rules()) {
    if (rules.IsUndefined()) {
        return;
    }
    const Napi::Object object = to_object(rules, "rules");
    rules_.n_return           = to_int32(object.Get("sequences"), "sequences");
    rules_.pause              = to_flag(object, "pause");
    rules_.record             = to_flag(object, "record");
    rules_.hidden_states      = to_flag(object, "hiddenStates");
    rules_.attentions         = to_flag(object, "attentions");
    rules_.pad_id             = to_int32(object.Get("padId"), "padId");
    rules_.repetition_penalty = to_finite(object.Get("repetitionPenalty"), "repetitionPenalty");
    rules_.no_repeat_ngram    = to_int32(object.Get("noRepeatNgram"), "noRepeatNgram");
    rules_.min_length         = to_int64(object.Get("minLength"), "minLength");
    rules_.min_new_tokens     = to_int64(object.Get("minNewTokens"), "minNewTokens");
    rules_.forced_bos         = to_int32(object.Get("forcedBos"), "forcedBos");
    rules_.remove_invalid     = to_flag(object, "removeInvalid");
    rules_.decay_start        = to_int64(object.Get("decayStart"), "decayStart");
    rules_.decay_factor       = to_finite(object.Get("decayFactor"), "decayFactor");
    rules_.sample             = to_flag(object, "sample");
    rules_.seed               = static_cast<int64_t>(to_seed(object.Get("seed")));
    rules_.temperature        = to_finite(object.Get("temperature"), "temperature");
    rules_.top_h              = to_finite(object.Get("topH"), "topH");
    rules_.top_k              = to_int32(object.Get("topK"), "topK");
    rules_.top_p              = to_finite(object.Get("topP"), "topP");
    rules_.min_p              = to_finite(object.Get("minP"), "minP");
    rules_.typical_p          = to_finite(object.Get("typicalP"), "typicalP");
    rules_.epsilon_cutoff     = to_finite(object.Get("epsilonCutoff"), "epsilonCutoff");
    rules_.eta_cutoff         = to_finite(object.Get("etaCutoff"), "etaCutoff");
    rules_.renormalize        = to_flag(object, "renormalize");
    biases_                   = to_sequences(object.Get("biases"), "biases", true);
    bad_words_                = to_sequences(object.Get("badWords"), "badWords", false);
    eos_                      = copy_int32s(object.Get("eos"), "eos");
    forced_eos_               = copy_int32s(object.Get("forcedEos"), "forcedEos");
    suppress_                 = copy_int32s(object.Get("suppress"), "suppress");
    begin_suppress_           = copy_int32s(object.Get("beginSuppress"), "beginSuppress");
}

kstt_generation_rules generation_rules::view() const {
    const auto views_of = [](const std::vector<sequence> & sequences) {
        std::vector<kstt_sequence> views;
        views.reserve(sequences.size());
        for (const sequence & item : sequences) {
            views.push_back({ item.ids.data(), item.ids.size(), item.bias });
        }
        return views;
    };
    bias_views_                 = views_of(biases_);
    bad_word_views_             = views_of(bad_words_);
    kstt_generation_rules rules = rules_;
    rules.biases                = bias_views_.data();
    rules.n_biases              = bias_views_.size();
    rules.bad_words             = bad_word_views_.data();
    rules.n_bad_words           = bad_word_views_.size();
    rules.eos                   = eos_.data();
    rules.n_eos                 = eos_.size();
    rules.forced_eos            = forced_eos_.data();
    rules.n_forced_eos          = forced_eos_.size();
    rules.suppress              = suppress_.data();
    rules.n_suppress            = suppress_.size();
    rules.begin_suppress        = begin_suppress_.data();
    rules.n_begin_suppress      = begin_suppress_.size();
    return rules;
}

}  // namespace kstt_node
