// Rules on scores: each warper against what transformers makes of the same scores, processors by hand, sampling.
#include "check.h"
#include "io/json-file.h"
#include "io/safetensors-file.h"
#include "session/token-chooser.h"
#include "session/token-picker.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using namespace kstt;

const std::string fixture   = "test/fixtures/generate/warpers/";
constexpr float   forbidden = -std::numeric_limits<float>::infinity();

std::vector<float> values_of(const safetensors_file & file, const std::string & name, int64_t & n_columns) {
    for (const tensor_view & tensor : file.tensors()) {
        if (tensor.name == name) {
            n_columns = tensor.shape.back();
            std::vector<float> values(tensor.n_bytes / sizeof(float));
            std::memcpy(values.data(), tensor.data, tensor.n_bytes);
            return values;
        }
    }
    throw error(KSTT_STATUS_MODEL_FORMAT, "no tensor " + name);
}

double number(const json_value & object, const char * key, double otherwise) {
    return object.contains(key) ? object.at(key).number() : otherwise;
}

score_rules rules_of(const json_value & object) {
    score_rules rules;
    rules.sample      = true;
    rules.temperature = number(object, "temperature", 1.0);
    rules.top_h       = number(object, "top_h", 0.0);
    rules.top_k       = static_cast<int32_t>(number(object, "top_k", 0.0));
    rules.top_p       = number(object, "top_p", 1.0);
    rules.min_p       = number(object, "min_p", 0.0);
    rules.typical_p   = number(object, "typical_p", 1.0);
    rules.epsilon     = number(object, "epsilon", 0.0);
    rules.eta         = number(object, "eta", 0.0);
    rules.renormalize = number(object, "renormalize", 0.0) != 0.0;
    return rules;
}

void test_warpers() {
    const safetensors_file file(fixture + "expected.safetensors");
    const json_value       manifest = json_value::read(fixture + "manifest.json", 1 << 20);
    int64_t                n        = 0;
    const json_value       cases    = manifest.at("cases");
    const size_t           n_cases  = cases.raw().size();
    CHECK(n_cases >= 14);
    for (size_t i = 0; i < n_cases; i++) {
        const std::string        name     = cases.at(i).at("name").string();
        const std::vector<float> expected = values_of(file, name, n);
        std::vector<float>       found    = values_of(file, cases.at(i).at("scores").string(), n);
        for (size_t row = 0; row < found.size(); row += static_cast<size_t>(n)) {
            warp_scores(rules_of(cases.at(i).at("rules")), found.data() + row, n);
        }
        int64_t wrong = 0;
        for (size_t j = 0; j < found.size(); j++) {
            const bool both = found[j] == forbidden && expected[j] == forbidden;
            wrong += both || std::fabs(found[j] - expected[j]) <= 1e-4F * (1.0F + std::fabs(expected[j])) ? 0 : 1;
        }
        check_equal(wrong, int64_t{ 0 }, ("differing scores of " + name).c_str(), __FILE__, __LINE__);
    }
}

// process_scores on flat scores of 1; gives the tokens that are forbidden afterwards.
std::vector<int32_t> forbidden_by(const score_rules & rules, const std::vector<int32_t> & tokens, int64_t most = 100) {
    std::vector<float> scores(10, 1.0F);
    process_scores(rules, tokens.data(), static_cast<int64_t>(tokens.size()), most, scores.data(), 10);
    std::vector<int32_t> result;
    for (int32_t i = 0; i < 10; i++) {
        if (scores[static_cast<size_t>(i)] == forbidden) {
            result.push_back(i);
        }
    }
    return result;
}

void test_processors() {
    typedef std::vector<int32_t> ids;
    score_rules                  rules;
    CHECK(forbidden_by(rules, { 500 }).empty());
    rules.no_repeat_ngram = 2;
    CHECK(forbidden_by(rules, { 500 }).empty());
    CHECK(forbidden_by(rules, { 500, 1, 2, 1 }) == ids({ 2 }));
    CHECK(forbidden_by(rules, { 500, 1, 2, 1, 3, 1 }) == ids({ 2, 3 }));
    rules                 = {};
    rules.no_repeat_ngram = 1;
    CHECK(forbidden_by(rules, { 500, 4, 4, 2 }) == ids({ 2, 4 }));
    rules           = {};
    rules.bad_words = { { 3 }, { 1, 2 }, { 4, 5, 6 } };
    CHECK(forbidden_by(rules, { 500 }) == ids({ 3 }));
    CHECK(forbidden_by(rules, { 500, 1 }) == ids({ 2, 3 }));
    CHECK(forbidden_by(rules, { 500, 4, 5 }) == ids({ 3, 6 }));
    rules            = {};
    rules.eos        = { 7 };
    rules.min_length = 3;
    CHECK(forbidden_by(rules, { 500, 1 }) == ids({ 7 }));
    CHECK(forbidden_by(rules, { 500, 1, 2 }).empty());
    rules.min_new_tokens = 4;
    CHECK(forbidden_by(rules, { 500, 1, 2, 3 }) == ids({ 7 }));
    CHECK(forbidden_by(rules, { 500, 1, 2, 3, 4 }).empty());
    rules            = {};
    rules.forced_bos = 2;
    CHECK_EQUAL(forbidden_by(rules, { 500 }).size(), size_t{ 9 });
    CHECK(forbidden_by(rules, { 500, 2 }).empty());
    rules.begin_suppress = { 8 };
    CHECK(forbidden_by(rules, { 500, 2 }) == ids({ 8 }));
    rules            = {};
    rules.forced_eos = { 5, 6 };
    CHECK(forbidden_by(rules, { 500, 1 }, 4).empty());
    CHECK(forbidden_by(rules, { 500, 1, 1 }, 4) == ids({ 0, 1, 2, 3, 4, 7, 8, 9 }));
    rules          = {};
    rules.suppress = { 0, 9 };
    CHECK(forbidden_by(rules, { 500, 1 }) == ids({ 0, 9 }));

    // The start token may be outside the vocabulary; a penalty divides what is above 0 and multiplies what is below.
    std::vector<float>         scores = { 4.0F, -4.0F, 4.0F };
    const std::vector<int32_t> tokens = { 500, 0, 1, 1 };
    rules                             = {};
    rules.repetition_penalty          = 2.0;
    process_scores(rules, tokens.data(), 4, 100, scores.data(), 3);
    CHECK(scores == std::vector<float>({ 2.0F, -8.0F, 4.0F }));
    rules                = {};
    rules.remove_invalid = true;
    scores               = { std::nanf(""), forbidden, -forbidden };
    process_scores(rules, tokens.data(), 4, 100, scores.data(), 3);
    CHECK(scores ==
          std::vector<float>({ 0.0F, -std::numeric_limits<float>::max(), std::numeric_limits<float>::max() }));
    rules              = {};
    rules.eos          = { 1 };
    rules.decay_start  = 1;
    rules.decay_factor = 2.0;
    scores             = { 1.0F, -3.0F, 1.0F };
    process_scores(rules, tokens.data(), 4, 100, scores.data(), 3);
    CHECK(scores == std::vector<float>({ 1.0F, 6.0F, 1.0F }));  // -3 + 3 * (2^2 - 1)
}

void test_sampling() {
    const std::vector<float> scores = { std::log(0.5F), std::log(0.3F), forbidden, std::log(0.2F) };
    std::vector<int64_t>     counts(4, 0);
    for (int64_t step = 0; step < 20000; step++) {
        const int32_t token = pick_sampled(scores.data(), 4, 7, 1, step);
        CHECK_EQUAL(token, pick_sampled(scores.data(), 4, 7, 1, step));
        counts[static_cast<size_t>(token)]++;
    }
    // Four standard deviations of a binomial share.
    CHECK(std::fabs(static_cast<double>(counts[0]) / 20000.0 - 0.5) < 0.0142);
    CHECK(std::fabs(static_cast<double>(counts[1]) / 20000.0 - 0.3) < 0.013);
    CHECK_EQUAL(counts[2], 0);
    // Seeds, rows and steps choose independently.
    int32_t same = 0;
    for (int64_t step = 0; step < 1000; step++) {
        const int32_t token = pick_sampled(scores.data(), 4, 7, 1, step);
        same += token == pick_sampled(scores.data(), 4, 8, 1, step) ? 1 : 0;
        same += token == pick_sampled(scores.data(), 4, 7, 2, step) ? 1 : 0;
    }
    CHECK(same > 660 && same < 860);  // 0.5^2 + 0.3^2 + 0.2^2 = 0.38 of 2000
    const std::vector<float> nothing(4, forbidden);
    CHECK_THROWS(pick_sampled(nothing.data(), 4, 7, 1, 3), KSTT_STATUS_INVALID_STATE, "step 3");
}

void test_chooser() {
    chooser_options options;
    CHECK(token_chooser(options, 2, 4).is_plain());
    options.rules.eos = { 2 };
    options.pad_id    = 9;
    token_chooser              chooser(options, 2, 4);
    const std::vector<float>   logits = { 0, 1, 5, 2, 0, 7, 5, 2 };
    const std::vector<int32_t> tokens = { 50, 0, 50, 0 };
    CHECK(!chooser.is_plain());
    chooser.take({ logits.data(), logits.data() + 4 }, tokens.data(), 2, 1, 10);
    CHECK(chooser.choose(0) == std::vector<int32_t>({ 2, 1 }));
    CHECK(!chooser.all_done());
    chooser.take({ logits.data(), logits.data() + 4 }, tokens.data(), 2, 2, 10);
    CHECK(chooser.choose(1) == std::vector<int32_t>({ 9, 1 }));  // the first row is done
    chooser.finish({ 0, 1 });
    CHECK(chooser.all_done());

    const auto refused = [](const auto & change, const char * word) {
        chooser_options wrong;
        change(wrong.rules);
        CHECK_THROWS(token_chooser(wrong, 1, 4), KSTT_STATUS_INVALID_ARGUMENT, word);
    };
    refused([](auto & r) { r.suppress = { 4 }; }, "suppress_tokens has the id 4");
    refused([](auto & r) { r.eos = { -1 }; }, "eos_token_id has the id -1");
    refused([](auto & r) { r.bad_words = { { 1, 7 } }; }, "bad_words_ids has the id 7");
    refused([](auto & r) { r.bad_words = { {} }; }, "bad word");
    refused([](auto & r) { r.biases = { { {}, 1.0F } }; }, "biased sequence");
    refused([](auto & r) { r.forced_bos = 4; }, "forced_bos_token_id");
    refused([](auto & r) { r.temperature = 0.0; }, "temperature");
    refused([](auto & r) { r.top_k = -1; }, "top_k");
    refused([](auto & r) { r.top_p = 1.5; }, "top_p");
    refused([](auto & r) { r.typical_p = 0.0; }, "typical_p");
    refused([](auto & r) { r.repetition_penalty = 0.0; }, "repetition_penalty");
}

}  // namespace

int main() {
    return check_run({ test_warpers, test_processors, test_sampling, test_chooser });
}
