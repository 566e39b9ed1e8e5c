#include "io/generation-settings.h"

#include "io/json-file.h"

#include <string_view>

namespace kstt {
namespace {

using nlohmann::json;

enum class effect {
    always,    // changes tokens unless neutral
    sampling,  // with do_sample only
    never,     // not by itself
};

struct setting {
    const char * name;
    effect       changes;
    json         neutral;  // null and [] always are
};

// Of transformers' GenerationConfig, with its defaults.
const std::vector<setting> & known_settings() {
    static const std::vector<setting> settings = {
        { "do_sample", effect::always, false },
        { "temperature", effect::sampling, 1 },
        { "top_k", effect::sampling, 50 },
        { "top_p", effect::sampling, 1 },
        { "min_p", effect::sampling, 0 },
        { "typical_p", effect::sampling, 1 },
        { "top_h", effect::sampling, nullptr },
        { "epsilon_cutoff", effect::sampling, 0 },
        { "eta_cutoff", effect::sampling, 0 },
        { "num_beams", effect::always, 1 },
        { "repetition_penalty", effect::always, 1 },
        { "no_repeat_ngram_size", effect::always, 0 },
        { "sequence_bias", effect::always, nullptr },
        { "bad_words_ids", effect::always, nullptr },
        { "suppress_tokens", effect::always, nullptr },
        { "begin_suppress_tokens", effect::always, nullptr },
        { "forced_bos_token_id", effect::always, nullptr },
        { "forced_eos_token_id", effect::always, nullptr },
        { "eos_token_id", effect::always, -1 },
        { "exponential_decay_length_penalty", effect::always, nullptr },
        { "guidance_scale", effect::always, 1 },
        { "penalty_alpha", effect::always, 0 },
        { "watermarking_config", effect::always, nullptr },
        { "dola_layers", effect::always, nullptr },
        { "constraints", effect::always, nullptr },
        { "force_words_ids", effect::always, nullptr },
        { "stop_strings", effect::always, nullptr },
        { "max_time", effect::always, nullptr },
        { "num_return_sequences", effect::never, 1 },
        { "min_length", effect::never, 0 },
        { "min_new_tokens", effect::never, nullptr },
        { "max_length", effect::never, nullptr },
        { "max_new_tokens", effect::never, nullptr },
        { "renormalize_logits", effect::never, false },
        { "remove_invalid_values", effect::never, false },
        { "return_dict_in_generate", effect::never, false },
        { "output_scores", effect::never, false },
        { "output_logits", effect::never, false },
        { "output_attentions", effect::never, false },
        { "output_hidden_states", effect::never, false },
        { "use_cache", effect::never, true },
        { "num_beam_groups", effect::never, 1 },
        { "diversity_penalty", effect::never, 0 },
        { "length_penalty", effect::never, 1 },
        { "early_stopping", effect::never, false },
        { "encoder_repetition_penalty", effect::never, 1 },
        { "encoder_no_repeat_ngram_size", effect::never, 0 },
        { "prompt_lookup_num_tokens", effect::never, nullptr },
        { "assistant_early_exit", effect::never, nullptr },
        { "token_healing", effect::never, false },
    };
    return settings;
}

bool is_set(const json & object, const setting & item) {
    const auto found = object.find(item.name);
    return found != object.end() && !found->is_null() && *found != item.neutral &&
           !(found->is_array() && found->empty());
}

bool suppresses_only(const setting & item, const json & value, int32_t token) {
    return std::string_view(item.name) == "suppress_tokens" && value == json::array({ token });
}

json set_entries(const json & object) {
    json entries = json::object();
    for (const setting & item : known_settings()) {
        if (is_set(object, item)) {
            entries[item.name] = object.at(item.name);
        }
    }
    return entries;
}

}  // namespace

generation_settings read_generation_settings(const json_value * generation,
                                             const json_value & config,
                                             int32_t            start_token) {
    const json          entries = set_entries(generation != nullptr ? generation->raw() : config.raw());
    generation_settings settings;
    if (entries.empty()) {
        return settings;
    }
    // Strings come from files: bytes that are no UTF-8 are replaced.
    settings.json          = entries.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto sample      = entries.find("do_sample");
    const bool is_sampling = sample != entries.end() && *sample == true;
    for (const setting & item : known_settings()) {
        const auto entry = entries.find(item.name);
        if (entry != entries.end() && !suppresses_only(item, *entry, start_token) &&
            (item.changes == effect::always || (item.changes == effect::sampling && is_sampling))) {
            settings.steering.emplace_back(item.name);
        }
    }
    return settings;
}

}  // namespace kstt
