// Forward passes: the bits of the step-by-step decoder, whatever the portions, the batch and the padding; and the C
// header as a caller meets it.
#include "check.h"
#include "include/kstt.h"
#include "model/text-decoder.h"
#include "runtime/device.h"
#include "session/engine.h"
#include "status-check.h"

#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace kstt;

struct loaded {
    explicit loaded(const std::string & name)
        : backend(2), model(stt_model::load(open_model("test/fixtures/parity/" + name + "/checkpoint", {}), backend)),
          network(model->decoder, backend) {}

    const decoder_config & config() const { return model->config.decoder; }

    compute_backend            backend;
    std::unique_ptr<stt_model> model;
    forward_network            network;
};

// [n_rows][length][streams]
std::vector<int32_t> random_ids(const decoder_config & config, int64_t n, uint32_t seed) {
    std::mt19937         random(seed);
    const int64_t        count = n * (1 + config.num_codebooks);
    std::vector<int32_t> ids;
    ids.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) {
        ids.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(config.codebook_vocab_size - 1)));
    }
    return ids;
}

forward_inputs inputs_for(const decoder_config & config, int64_t n_rows, int64_t length, std::vector<int32_t> ids) {
    forward_inputs inputs;
    inputs.n_rows      = n_rows;
    inputs.n_positions = length;
    inputs.n_streams   = 1 + config.num_codebooks;
    inputs.ids         = std::move(ids);
    return inputs;
}

std::vector<float> run(loaded & on, forward_inputs inputs, std::shared_ptr<decoder_cache> cache, int64_t portion) {
    forward_pass pass(on.model->decoder, std::move(inputs), std::move(cache));
    work_stats   stats;
    while (!pass.advance(on.network, portion, stats).finished()) {
    }
    return pass.logits();
}

std::vector<int32_t> part(const std::vector<int32_t> & ids, int64_t streams, int64_t first, int64_t n) {
    return { ids.begin() + first * streams, ids.begin() + (first + n) * streams };
}

void test_bits_of_steps(const std::string & name) {
    loaded                     on(name);
    const decoder_config &     config  = on.config();
    const int64_t              n       = config.sliding_window + 20;
    const int64_t              streams = 1 + config.num_codebooks;
    const std::vector<int32_t> ids     = random_ids(config, n, 3);
    decoder_options            options;
    options.precision = rope_precision::reference;
    text_decoder       decoder(on.model->decoder, options, on.backend);
    std::vector<float> steps;
    for (int64_t i = 0; i < n; i++) {
        decoder_call call;
        call.slots           = { 0 };
        call.ids             = part(ids, streams, i, 1);
        const float * logits = decoder.step(call);
        steps.insert(steps.end(), logits, logits + config.output_vocab_size);
    }
    // One by one with the model's window: beyond it, too.
    auto               cache = std::make_shared<decoder_cache>(on.model->decoder, 1, config.sliding_window);
    std::vector<float> found;
    for (int64_t i = 0; i < n; i++) {
        const std::vector<float> logits = run(on, inputs_for(config, 1, 1, part(ids, streams, i, 1)), cache, 1);
        found.insert(found.end(), logits.begin(), logits.end());
    }
    CHECK(found == steps);
    CHECK_EQUAL(cache->n_seen(), n);
    CHECK_EQUAL(cache->n_stored(), int64_t{ config.sliding_window } - 1);

    // In one pass the window does not count, as in transformers: equal as far as it reaches.
    const int64_t            m     = config.sliding_window;
    const std::vector<float> whole = run(on, inputs_for(config, 1, m, part(ids, streams, 0, m)), nullptr, 1);
    CHECK(whole == std::vector<float>(steps.begin(), steps.begin() + m * config.output_vocab_size));
    CHECK(whole == run(on, inputs_for(config, 1, m, part(ids, streams, 0, m)), nullptr, 1000));
}

void test_steps_f32() {
    test_bits_of_steps("gqa-f32");
}

void test_steps_bf16() {
    test_bits_of_steps("bf16");
}

void test_padding_changes_nothing() {
    loaded                     on("plain-f32");
    const decoder_config &     config  = on.config();
    const int64_t              streams = 1 + config.num_codebooks;
    const std::vector<int32_t> row     = random_ids(config, 90, 5);
    const std::vector<float>   alone   = run(on, inputs_for(config, 1, 90, row), nullptr, 1000);
    // The same row behind 7 positions of something else that a mask hides, beside another row.
    std::vector<int32_t>       ids     = random_ids(config, 97, 6);
    const std::vector<int32_t> padding = random_ids(config, 7, 7);
    ids.insert(ids.end(), padding.begin(), padding.end());
    ids.insert(ids.end(), row.begin(), row.end());
    forward_inputs inputs = inputs_for(config, 2, 97, std::move(ids));
    inputs.mask.assign(2 * 97, 1);
    for (int64_t i = 0; i < 97; i++) {
        inputs.positions.push_back(i);
    }
    for (int64_t i = 0; i < 97; i++) {
        inputs.mask[static_cast<size_t>(97 + i)] = i >= 7 ? 1 : 0;
        inputs.positions.push_back(i >= 7 ? i - 7 : 0);
    }
    const std::vector<float> padded = run(on, std::move(inputs), nullptr, 13);
    CHECK(std::vector<float>(padded.end() - int64_t{ 90 } * config.output_vocab_size, padded.end()) == alone);
    CHECK_EQUAL(static_cast<int64_t>(row.size()), 90 * streams);
}

void test_cache_moves() {
    loaded                     on("gqa-f32");
    const decoder_config &     config  = on.config();
    const int64_t              streams = 1 + config.num_codebooks;
    const std::vector<int32_t> ids     = random_ids(config, 200, 8);
    // A ring that has turned over several times and is then enlarged keeps its order.
    auto                       small   = std::make_shared<decoder_cache>(on.model->decoder, 1, config.sliding_window);
    for (int64_t i = 0; i < 100; i++) {
        run(on, inputs_for(config, 1, 1, part(ids, streams, i, 1)), small, 1);
    }
    auto large = std::make_shared<decoder_cache>(*small);
    large->reserve(500);
    CHECK(large->n_bytes() > small->n_bytes());
    const auto next = [&](const std::shared_ptr<decoder_cache> & cache) {
        return run(on, inputs_for(config, 1, 4, part(ids, streams, 100, 4)), cache, 1000);
    };
    const std::vector<float> expected = next(std::make_shared<decoder_cache>(*small));
    CHECK(next(large) == expected);
    // What is read and imported again is the same; of more positions than a window keeps, the last count.
    std::vector<std::vector<float>> keys;
    std::vector<std::vector<float>> values;
    std::vector<const float *>      key_data;
    std::vector<const float *>      value_data;
    const auto size = static_cast<size_t>(small->n_stored() * small->n_kv_heads() * small->head_dim());
    for (int64_t layer = 0; layer < small->n_layers(); layer++) {
        keys.emplace_back(size);
        values.emplace_back(size);
        small->read(layer, keys.back().data(), values.back().data());
    }
    for (size_t layer = 0; layer < keys.size(); layer++) {
        key_data.push_back(keys[layer].data());
        value_data.push_back(values[layer].data());
    }
    auto copied = std::make_shared<decoder_cache>(on.model->decoder, 1, config.sliding_window);
    copied->import(small->n_stored(), key_data.data(), value_data.data());
    forward_inputs inputs = inputs_for(config, 1, 4, part(ids, streams, 100, 4));
    inputs.positions      = { 100, 101, 102, 103 };
    CHECK(run(on, std::move(inputs), copied, 1000) == expected);
}

kstt_status create(kstt_engine * engine, kstt_cache * cache, const kstt_forward_params & params) {
    kstt_forward *    forward = nullptr;
    const kstt_status status  = kstt_forward_create(engine, cache, &params, &forward, &last_error);
    CHECK_EQUAL(forward != nullptr, status == KSTT_STATUS_OK);
    kstt_forward_free(forward);
    return status;
}

void test_refusals() {
    kstt_engine * engine = nullptr;
    EXPECT_OK(kstt_engine_create("test/fixtures/parity/plain-f32/checkpoint", nullptr, &engine, &last_error));
    const std::vector<int32_t> ids(24, 5);
    const auto                 refused = [&](const auto & change, const char * word) {
        kstt_forward_params params = kstt_forward_default_params();
        params.n_rows              = 2;
        params.n_positions         = 3;
        params.n_streams           = 1;
        params.ids                 = ids.data();
        change(params);
        EXPECT(create(engine, nullptr, params), KSTT_STATUS_INVALID_ARGUMENT, word);
    };
    const float                big = std::numeric_limits<float>::infinity();
    const std::vector<float>   floats(10000, big);
    const std::vector<uint8_t> bytes(8, 1);
    const std::vector<int32_t> wrong = { 1, 2, 3, -1, 1, 1, 1, 1 };
    refused([](auto & p) { p.n_rows = 0; }, "n_rows");
    refused([](auto & p) { p.n_rows = 4097; }, "n_rows");
    refused([](auto & p) { p.n_positions = 1 << 30; }, "n_positions");
    refused([](auto & p) { p.ids = nullptr; }, "either ids or embeds");
    refused([&](auto & p) { p.embeds = floats.data(); }, "either ids or embeds");
    refused([&](auto & p) { p.ids = nullptr, p.embeds = floats.data(); }, "finite");
    refused([](auto & p) { p.n_streams = 2; }, "streams");
    refused([](auto & p) { p.n_streams = 99; }, "n_streams");
    refused([&](auto & p) { p.ids = wrong.data(); }, "id -1 of stream 0");
    refused([&](auto & p) { p.mask = bytes.data(), p.n_mask = 4; }, "attention mask");
    refused([&](auto & p) { p.bias = floats.data(); }, "bias");
    refused([&](auto & p) { p.bias = floats.data(), p.bias_rows = 3; }, "bias_rows");
    refused([&](auto & p) { p.keep = wrong.data(), p.n_keep = 4; }, "position 3");
    refused([](auto & p) { p.n_keep = 1; }, "n_keep");
    refused([&](auto & p) { p.labels = wrong.data(); }, "label -1");
    refused([&](auto & p) { p.labels = wrong.data(), p.want_logits = 0; }, "labels");
    refused([](auto & p) { p.loss_items = -1.0; }, "loss_items");
    refused([](auto & p) { p.attentions = 2; }, "attentions");

    kstt_cache * cache = nullptr;
    EXPECT(kstt_cache_create(engine, 0, -1, &cache, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "n_rows");
    EXPECT_OK(kstt_cache_create(engine, 2, -1, &cache, &last_error));
    kstt_cache_info info = {};
    EXPECT_OK(kstt_cache_get_info(cache, &info, &last_error));
    CHECK_EQUAL(info.n_seen, 0);
    kstt_forward_params params = kstt_forward_default_params();
    params.n_rows              = 2;
    params.n_positions         = 3;
    params.n_streams           = 1;
    params.ids                 = ids.data();
    kstt_forward * forward     = nullptr;
    EXPECT_OK(kstt_forward_create(engine, cache, &params, &forward, &last_error));
    EXPECT(kstt_cache_reset(cache, &last_error), KSTT_STATUS_INVALID_STATE, "uses this cache");
    EXPECT(create(engine, cache, params), KSTT_STATUS_INVALID_STATE, "uses this cache");
    size_t size = 0;
    EXPECT(kstt_forward_read(forward, KSTT_FORWARD_LOGITS, 0, nullptr, 0, &size, &last_error),
           KSTT_STATUS_INVALID_STATE,
           "not finished");
    kstt_progress progress = {};
    EXPECT(kstt_forward_advance(forward, 0, &progress, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "max_positions");
    EXPECT_OK(kstt_forward_advance(forward, 100, &progress, &last_error));
    CHECK_EQUAL(progress.finished, 1);
    EXPECT_OK(kstt_cache_get_info(cache, &info, &last_error));
    CHECK_EQUAL(info.n_seen, 3);
    float number = 0.0F;
    EXPECT(kstt_forward_read(forward, KSTT_FORWARD_LOGITS, 0, &number, 1, &size, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "too small");
    EXPECT(kstt_forward_read(forward, 7, 0, nullptr, 0, &size, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "what");
    EXPECT(kstt_forward_read(forward, KSTT_FORWARD_ATTENTION, 0, nullptr, 0, &size, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "keeps no attention");
    double loss = 0.0;
    EXPECT(kstt_forward_loss(forward, &loss, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "no labels");

    // After its engine: every call says so, and freeing still works.
    kstt_engine_free(engine);
    EXPECT(kstt_forward_advance(forward, 1, &progress, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    EXPECT(kstt_cache_get_info(cache, &info, &last_error), KSTT_STATUS_INVALID_STATE, "freed");
    kstt_forward_free(forward);
    kstt_cache_free(cache);
    kstt_forward_free(nullptr);
    kstt_cache_free(nullptr);
}

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run(
        { test_steps_f32, test_steps_bf16, test_padding_changes_nothing, test_cache_moves, test_refusals });
}
