// kstt_model_describe: the protocol of its buffer, what it says of each layout, its errors.
#include "check.h"
#include "include/kstt.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

const std::string fixtures = std::string(KSTT_SOURCE_DIR) + "/test/fixtures/";

json describe(const std::string & path, const kstt_engine_params * params = nullptr) {
    kstt_error error  = {};
    size_t     needed = 0;
    CHECK_EQUAL(kstt_model_describe(path.c_str(), params, nullptr, 0, &needed, &error), KSTT_STATUS_OK);
    std::string text(needed, '?');
    CHECK_EQUAL(kstt_model_describe(path.c_str(), params, text.data(), text.size(), &needed, &error), KSTT_STATUS_OK);
    CHECK_EQUAL(needed, text.size());
    CHECK_EQUAL(text.back(), '\0');
    text.pop_back();
    return json::parse(text);
}

void test_buffer() {
    const std::string path   = fixtures + "layouts/candle-f32";
    kstt_error        error  = {};
    size_t            needed = 0;
    char              one    = '?';
    // Too small: nothing is written, the size is told.
    CHECK_EQUAL(kstt_model_describe(path.c_str(), nullptr, &one, 1, &needed, &error), KSTT_STATUS_OK);
    CHECK_EQUAL(one, '?');
    CHECK(needed > 1000);
    const kstt_status bad = KSTT_STATUS_INVALID_ARGUMENT;
    CHECK_EQUAL(kstt_model_describe(nullptr, nullptr, nullptr, 0, &needed, &error), bad);
    CHECK_EQUAL(kstt_model_describe(path.c_str(), nullptr, nullptr, 0, nullptr, &error), bad);
    CHECK_EQUAL(kstt_model_describe(path.c_str(), nullptr, nullptr, 5, &needed, &error), bad);
    kstt_engine_params params = kstt_engine_default_params();
    params.n_codebooks        = -1;
    CHECK_EQUAL(kstt_model_describe(path.c_str(), &params, nullptr, 0, &needed, &error), bad);
    params        = kstt_engine_default_params();
    params.compat = 3;
    CHECK_EQUAL(kstt_model_describe(path.c_str(), &params, nullptr, 0, &needed, &error), bad);
    CHECK(std::string(error.message).find("KSTT_COMPAT_*") != std::string::npos);
    params.compat      = KSTT_COMPAT_FILES;
    params.n_codebooks = 9;
    CHECK_EQUAL(kstt_model_describe(path.c_str(), &params, nullptr, 0, &needed, &error), bad);
    CHECK(std::string(error.message).find("2 to 8") != std::string::npos);
    CHECK_EQUAL(kstt_model_describe("/nowhere", nullptr, nullptr, 0, &needed, &error), KSTT_STATUS_FILE_NOT_FOUND);
}

void test_layouts() {
    const json candle = describe(fixtures + "layouts/candle-f32");
    CHECK_EQUAL(candle["layout"], "candle");
    CHECK_EQUAL(candle["files"].size(), 3U);
    CHECK_EQUAL(candle["tokenizer"]["kind"], "sentencepiece");
    CHECK_EQUAL(candle["extra_heads"]["count"], 4);
    CHECK_EQUAL(candle["extra_heads"]["classes"], 6);
    CHECK_EQUAL(candle["n_codebooks"], 8);
    CHECK_EQUAL(candle["output_vocab_size"], 400);
    CHECK_EQUAL(candle["config"]["vocab_size"], 401);
    CHECK_EQUAL(candle["config"]["codec_config"]["num_filters"], 4);
    CHECK_EQUAL(candle["preprocessor_config"]["audio_delay_seconds"], 0.5);
    CHECK_EQUAL(candle["generation_config"]["bos_token_id"], 400);

    const json plain = describe(fixtures + "parity/plain-f32/checkpoint");
    CHECK_EQUAL(plain["layout"], "transformers");
    CHECK_EQUAL(plain["tokenizer"]["kind"], "tokenizer_json");
    CHECK_EQUAL(plain["output_vocab_size"], 401);
    // A row of the head more, four heads of six rows less.
    CHECK_EQUAL(plain["decoder"]["parameters"].get<int64_t>() - candle["decoder"]["parameters"].get<int64_t>(),
                48 - 4 * 6 * 48);
    CHECK_EQUAL(plain["codec"]["parameters"], candle["codec"]["parameters"]);
    CHECK_EQUAL(plain["bytes"].get<int64_t>(), 4 * plain["parameters"].get<int64_t>());

    // Packed weights count as what they become.
    const json packed = describe(fixtures + "layouts/mlx-q4");
    CHECK_EQUAL(packed["layout"], "mlx");
    CHECK_EQUAL(packed["decoder"]["dtypes"].size(), 1U);
    CHECK_EQUAL(packed["decoder"]["bytes"].get<int64_t>(), 2 * packed["decoder"]["parameters"].get<int64_t>());
    CHECK_EQUAL(describe(fixtures + "layouts/moshi.cpp-bf16/model.gguf")["layout"], "moshi.cpp");
}

void test_params() {
    kstt_engine_params params = kstt_engine_default_params();
    params.n_codebooks        = 5;
    params.compat             = KSTT_COMPAT_TRANSFORMERS;
    const json description    = describe(fixtures + "layouts/original-f32", &params);
    CHECK_EQUAL(description["n_codebooks"], 5);
    CHECK_EQUAL(description["output_vocab_size"], 401);

    // An engine sees the same.
    kstt_error    error  = {};
    kstt_engine * engine = nullptr;
    CHECK_EQUAL(kstt_init(std::getenv("KSTT_KERNEL_DIR"), &error), KSTT_STATUS_OK);
    const std::string path = fixtures + "layouts/original-f32";
    CHECK_EQUAL(kstt_engine_create(path.c_str(), &params, &engine, &error), KSTT_STATUS_OK);
    kstt_engine_info info = {};
    CHECK_EQUAL(kstt_engine_get_info(engine, &info, &error), KSTT_STATUS_OK);
    CHECK_EQUAL(info.n_codebooks, 5);
    CHECK_EQUAL(info.n_quantizers, 5);
    kstt_engine_free(engine);
}

}  // namespace

int main() {
    return check_run({ test_buffer, test_layouts, test_params });
}
