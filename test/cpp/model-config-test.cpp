#include "check.h"
#include "config-files.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace {

using kstt::model_config;
using nlohmann::json;

const kstt_status bad         = KSTT_STATUS_MODEL_FORMAT;
const kstt_status unsupported = KSTT_STATUS_MODEL_UNSUPPORTED;

void test_values() {
    const model_config config = config_files().read();
    CHECK_EQUAL(config.decoder.vocab_size, 20);
    CHECK_EQUAL(config.decoder.num_key_value_heads, 2);
    CHECK_EQUAL(config.decoder.head_dim, 4);
    CHECK_EQUAL(config.decoder.embedding_rows(), 20 + 4 * 17 + 1);
    CHECK_EQUAL(config.decoder.rope_theta, 5000.0);
    CHECK_EQUAL(config.decoder.bos_token_id, 19);
    CHECK_EQUAL(config.decoder.pad_token_id, 3);
    CHECK_EQUAL(config.codec.head_dim, 16);
    CHECK_EQUAL(config.codec.hop_size(), 32);
    CHECK_EQUAL(config.codec.columns_per_frame(), 2);
    CHECK_EQUAL(config.codec.frame_size(), 64);
    CHECK_EQUAL(config.codec.frame_rate, 375.0);
    CHECK_EQUAL(config.codec.downsample_kernel_size(), 4);
    CHECK_EQUAL(config.audio_delay_seconds, 0.5);
    CHECK_EQUAL(config.audio_silence_prefix_seconds, 1.0);
    CHECK_EQUAL(config.feature_sampling_rate, 24000);
    CHECK_EQUAL(read_with({ { "model_type", "stt" } }).decoder.hidden_size, 16);
}

// What transformers 5.18 makes of a config.json with nothing but its model_type.
void test_defaults() {
    config_files f;
    f.config       = { { "model_type", "kyutai_speech_to_text" } };
    f.generation   = nullptr;
    f.preprocessor = json::object();

    const model_config           config  = f.read();
    const kstt::decoder_config & decoder = config.decoder;
    CHECK_EQUAL(decoder.codebook_vocab_size, 2049);
    CHECK_EQUAL(decoder.vocab_size, 4001);
    CHECK_EQUAL(decoder.hidden_size, 2048);
    CHECK_EQUAL(decoder.num_hidden_layers, 48);
    CHECK_EQUAL(decoder.num_attention_heads, 32);
    CHECK_EQUAL(decoder.num_key_value_heads, 32);
    CHECK_EQUAL(decoder.head_dim, 64);
    CHECK_EQUAL(decoder.rope_theta, 10000.0);
    CHECK_EQUAL(decoder.sliding_window, 375);
    CHECK_EQUAL(decoder.ffn_dim, 11264);
    CHECK_EQUAL(decoder.rms_norm_eps, 1e-8F);
    CHECK_EQUAL(decoder.num_codebooks, 32);
    CHECK_EQUAL(decoder.audio_bos_token_id, 2048);
    CHECK_EQUAL(decoder.audio_pad_token_id, 69569);
    CHECK_EQUAL(decoder.pad_token_id, 3);
    CHECK_EQUAL(decoder.bos_token_id, 48000);
    CHECK_EQUAL(decoder.embedding_rows(), 69570);
    const kstt::codec_config & codec = config.codec;
    CHECK_EQUAL(codec.head_dim, 64);
    CHECK_EQUAL(codec.rope_theta, 10000.0);
    CHECK_EQUAL(codec.frame_rate, 12.5);
    CHECK_EQUAL(codec.frame_size(), 1920);
    CHECK_EQUAL(codec.downsample_kernel_size(), 4);
    CHECK_EQUAL(config.feature_sampling_rate, 24000);
    CHECK_EQUAL(config.audio_delay_seconds, 0.0);
    CHECK_EQUAL(config.audio_silence_prefix_seconds, 0.0);

    f.config["codec_config"] = { { "model_type", "mimi" } };
    CHECK_EQUAL(f.read().codec.frame_size(), 1920);
    f.config["codec_config"] = nullptr;
    CHECK_EQUAL(f.read().codec.frame_size(), 1920);
}

void test_rope() {
    const auto theta = [](const json & patch) {
        config_files f;
        f.config.erase("rope_theta");
        f.config.update(patch);
        f.config["codec_config"].update(patch);
        const model_config config = f.read();
        CHECK_EQUAL(config.codec.rope_theta, config.decoder.rope_theta);
        return config.decoder.rope_theta;
    };
    // Each line was run with transformers 5.18.0.
    CHECK_EQUAL(theta(json::object()), 10000.0);
    CHECK_EQUAL(theta({ { "rope_theta", 100000 } }), 100000.0);
    CHECK_EQUAL(theta({ { "rope_parameters", { { "rope_type", "default" }, { "rope_theta", 5.0 } } } }), 5.0);
    CHECK_EQUAL(theta({ { "rope_parameters", { { "type", "default" }, { "rope_theta", 5.0 } } } }), 5.0);
    CHECK_EQUAL(theta({ { "rope_parameters", { { "rope_type", "default" } } } }), 10000.0);
    CHECK_EQUAL(theta({ { "rope_parameters", { { "rope_type", "default" } } }, { "rope_theta", 7.0 } }), 7.0);
    CHECK_EQUAL(theta({ { "rope_parameters", { { "rope_theta", 5.0 } } }, { "rope_theta", 7.0 } }), 5.0);
    CHECK_EQUAL(theta({ { "rope_parameters", json::object() }, { "rope_theta", 7.0 } }), 7.0);
    CHECK_EQUAL(theta({ { "rope_parameters", nullptr }, { "rope_scaling", nullptr }, { "rope_theta", 7.0 } }), 7.0);

    CHECK_THROWS(
        theta({ { "rope_scaling", { { "type", "linear" }, { "factor", 2.0 } } } }), unsupported, "type", "\"linear\"");
    CHECK_THROWS(theta({ { "rope_parameters", { { "rope_type", "yarn" } } } }), unsupported, "rope_type", "\"yarn\"");
    CHECK_THROWS(theta({ { "rope_parameters", 5 } }), bad, "rope_parameters must be an object");
    CHECK_THROWS(theta({ { "rope_theta", "10000" } }), bad, "rope_theta must be a number, but is \"10000\"");
    CHECK_THROWS(theta({ { "rope_theta", nullptr } }), bad, "rope_theta");
    CHECK_THROWS(theta({ { "rope_theta", 0 } }), bad, "rope_theta");
    CHECK_THROWS(theta({ { "rope_theta", -1e5 } }), bad, "rope_theta");
}

void test_frame_rate() {
    CHECK_EQUAL(with_value("/codec_config/frame_rate", 375).read().codec.frame_rate, 375.0);
    CHECK_EQUAL(with_value("/codec_config/frame_rate", nullptr).read().codec.frame_rate, 375.0);
    // transformers saves _frame_rate, and what it saved wins.
    config_files saved                         = with_value("/codec_config/_frame_rate", nullptr);
    saved.config["codec_config"]["frame_rate"] = 12.5;
    CHECK_EQUAL(saved.read().codec.frame_rate, 375.0);

    CHECK_THROWS(
        with_value("/codec_config/frame_rate", 750).read(), unsupported, "codec_config.frame_rate is 750", "375");
    CHECK_THROWS(
        with_value("/codec_config/frame_rate", 12.5).read(), unsupported, "codec_config.frame_rate is 12.5", "375");
    CHECK_THROWS(with_value("/codec_config/_frame_rate", 12.5).read(), unsupported, "codec_config._frame_rate is 12.5");
    CHECK_THROWS(with_value("/codec_config/frame_rate", 0).read(), bad, "codec_config.frame_rate must be above 0");
    CHECK_THROWS(with_value("/codec_config/frame_rate", "a").read(), bad, "codec_config.frame_rate must be a number");

    // Where the rate of columns is no integer, transformers rounds it up for the kernel.
    config_files odd                                = with_value("/codec_config/sampling_rate", 16000);
    odd.config["codec_config"]["upsampling_ratios"] = { 8, 6, 5, 4 };
    odd.preprocessor["sampling_rate"]               = 16000;
    const model_config config                       = odd.read();
    CHECK(std::abs(config.codec.frame_rate - 16000.0 / 1920.0) < 1e-12);
    CHECK_EQUAL(config.codec.columns_per_frame(), 2);
    CHECK_EQUAL(config.codec.downsample_kernel_size(), 4);
}

void test_generation() {
    config_files f = with_value("/bos_token_id", 7);
    CHECK_EQUAL(f.read().decoder.bos_token_id, 19);
    f.generation = nullptr;
    CHECK_EQUAL(f.read().decoder.bos_token_id, 7);
    f.generation = json::object();
    CHECK_EQUAL(f.read().decoder.bos_token_id, 7);
    f.generation = { { "bos_token_id", 40 }, { "pad_token_id", 5 }, { "eos_token_id", nullptr } };
    CHECK_EQUAL(f.read().decoder.bos_token_id, 40);  // a row of an audio stream
    CHECK_EQUAL(f.read().decoder.pad_token_id, 5);

    f.generation["pad_token_id"] = -1;
    CHECK_EQUAL(f.read().decoder.pad_token_id, 3);  // of config.json

    // The eos of config.json counts only without generation_config.json.
    f = with_value("/eos_token_id", 6);
    CHECK_EQUAL(f.read().generation.json, "");
    f.generation = nullptr;
    CHECK_EQUAL(f.read().generation.json, R"({"eos_token_id":6})");

    const auto throws = [](const json & generation, kstt_status status, const char * words) {
        config_files g;
        g.generation = generation;
        CHECK_THROWS(g.read(), status, "generation_config.json", words);
    };
    throws({ { "bos_token_id", 89 } }, bad, "bos_token_id is 89, outside the embedding table of 89 rows");
    throws({ { "bos_token_id", -1 } }, bad, "bos_token_id must be an integer from 0");
    throws({ { "bos_token_id", "x" } }, bad, "bos_token_id");
    throws({ { "pad_token_id", 20 } }, bad, "pad_token_id must be an integer from 0 to 19");
    throws(json::array(), bad, "must be an object");
    f            = config_files();
    f.generation = { { "do_sample", false },        { "num_beams", 1 },
                     { "repetition_penalty", 1.0 }, { "suppress_tokens", nullptr },
                     { "audio_window_size", 1 },    { "cache_implementation", "sliding_window" } };
    CHECK_EQUAL(f.read().decoder.bos_token_id, 19);
    CHECK_EQUAL(f.read().generation.json, "");
    CHECK(f.read().generation.steering.empty());

    f            = with_value("/pad_token_id", nullptr);
    f.generation = nullptr;
    CHECK_THROWS(f.read(), bad, "config.json: pad_token_id", "null");
}

// What asks for other tokens than greedy ones is kept, whatever its value, and named.
void test_generation_settings() {
    const auto read = [](const json & generation) {
        config_files f;
        f.generation = generation;
        return f.read().generation;
    };
    using names   = std::vector<std::string>;
    auto settings = read({ { "eos_token_id", { 2, 9 } }, { "repetition_penalty", 1.5 }, { "note", "x" } });
    CHECK_EQUAL(settings.json, R"({"eos_token_id":[2,9],"repetition_penalty":1.5})");
    CHECK(settings.steering == names({ "repetition_penalty", "eos_token_id" }));
    settings = read({ { "temperature", 0.5 }, { "min_length", 3 }, { "suppress_tokens", json::array() } });
    CHECK_EQUAL(settings.json, R"({"min_length":3,"temperature":0.5})");
    CHECK(settings.steering.empty());
    settings = read({ { "suppress_tokens", { 19 } } });  // the start token
    CHECK_EQUAL(settings.json, R"({"suppress_tokens":[19]})");
    CHECK(settings.steering.empty());
    settings = read({ { "temperature", 0.5 }, { "do_sample", true }, { "top_k", 50 }, { "num_beams", "three" } });
    CHECK(settings.steering == names({ "do_sample", "temperature", "num_beams" }));
}

void test_feature_extractor() {
    config_files f;
    f.preprocessor = nullptr;
    CHECK_THROWS(f.read(), KSTT_STATUS_FILE_NOT_FOUND, "preprocessor_config.json", "processor_config.json");
    f.processor = { { "processor_class", "KyutaiSpeechToTextProcessor" } };
    CHECK_THROWS(f.read(), KSTT_STATUS_FILE_NOT_FOUND, "preprocessor_config.json");
    f.processor["feature_extractor"] = { { "audio_delay_seconds", 2.5 }, { "audio_silence_prefix_seconds", 1 } };
    CHECK_EQUAL(f.read().audio_delay_seconds, 2.5);
    CHECK_EQUAL(f.read().audio_silence_prefix_seconds, 1.0);
    // transformers 5.18 takes the nested one where both are there.
    f.preprocessor = { { "audio_delay_seconds", 9.0 } };
    CHECK_EQUAL(f.read().audio_delay_seconds, 2.5);
    f.processor["feature_extractor"]["audio_delay_seconds"] = "x";
    CHECK_THROWS(f.read(), bad, "processor_config.json: feature_extractor.audio_delay_seconds must be a number");

    const auto throws = [](const char * key, const json & value, kstt_status status, const char * words) {
        config_files g;
        g.preprocessor[key] = value;
        CHECK_THROWS(g.read(), status, "preprocessor_config.json", words);
    };
    throws("audio_delay_seconds", -0.5, bad, "audio_delay_seconds must be a number from 0 to 600");
    throws("audio_delay_seconds", nullptr, bad, "audio_delay_seconds");
    throws("audio_silence_prefix_seconds", 1e9, bad, "audio_silence_prefix_seconds");
    throws(
        "sampling_rate", 16000, bad, "sampling_rate is 16000, but codec_config.sampling_rate of config.json is 24000");
    throws("sampling_rate", "24000", bad, "sampling_rate must be an integer");
    throws("feature_size", 2, unsupported, "feature_size is 2");
}

}  // namespace

int main() {
    return check_run({ test_values,
                       test_defaults,
                       test_rope,
                       test_frame_rate,
                       test_generation,
                       test_generation_settings,
                       test_feature_extractor });
}
