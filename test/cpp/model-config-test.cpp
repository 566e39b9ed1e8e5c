#include "check.h"
#include "io/model-config.h"
#include "mutate.h"
#include "temp-folder.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace {

using kstt::model_config;
using kstt::read_model_config;
using nlohmann::json;

const kstt_status bad         = KSTT_STATUS_MODEL_FORMAT;
const kstt_status unsupported = KSTT_STATUS_MODEL_UNSUPPORTED;

// A small checkpoint's files, valid together.
struct files {
    json config = {
        { "model_type", "kyutai_speech_to_text" },
        { "vocab_size", 20 },
        { "hidden_size", 16 },
        { "num_hidden_layers", 2 },
        { "num_attention_heads", 4 },
        { "num_key_value_heads", 2 },
        { "ffn_dim", 24 },
        { "sliding_window", 8 },
        { "num_codebooks", 4 },
        { "codebook_vocab_size", 17 },
        { "audio_bos_token_id", 16 },
        { "audio_pad_token_id", 88 },
        { "bos_token_id", 19 },
        { "rope_theta", 5000.0 },
        { "codec_config",
          { { "model_type", "mimi" },
            { "num_quantizers", 4 },
            { "hidden_size", 32 },
            { "num_filters", 4 },
            { "upsampling_ratios", { 8, 4 } },
            { "codebook_size", 16 },
            { "codebook_dim", 8 },
            { "vector_quantization_hidden_dimension", 8 },
            { "num_hidden_layers", 1 },
            { "num_attention_heads", 2 },
            { "num_key_value_heads", 2 },
            { "sliding_window", 6 } } },
    };
    json generation   = { { "bos_token_id", 19 }, { "pad_token_id", 3 } };
    json preprocessor = { { "sampling_rate", 24000 },
                          { "audio_delay_seconds", 0.5 },
                          { "audio_silence_prefix_seconds", 1.0 } };
    json processor;  // null: no such file

    model_config read() const {
        const temp_folder folder;
        const auto        write = [&](const char * name, const json & value) {
            if (!value.is_null()) {
                folder.write(name, value.dump());
            }
        };
        write("config.json", config);
        write("generation_config.json", generation);
        write("preprocessor_config.json", preprocessor);
        write("processor_config.json", processor);
        return read_model_config(folder.path());
    }
};

// Reads the small checkpoint with changes made by the patch to config.json ("codec_config" is merged too).
model_config read_with(const json & patch) {
    files f;
    f.config.merge_patch(patch);  // a null in the patch removes the key
    return f.read();
}

// Same with one value of config.json set, null included.
files with_value(const std::string & pointer, const json & value) {
    files f;
    f.config[json::json_pointer(pointer)] = value;
    return f;
}

void test_values() {
    const model_config config = files().read();
    CHECK_EQUAL(config.decoder.vocab_size, 20);
    CHECK_EQUAL(config.decoder.num_key_value_heads, 2);
    CHECK_EQUAL(config.decoder.head_dim, 4);
    CHECK_EQUAL(config.decoder.embedding_rows(), 20 + 4 * 17 + 1);
    CHECK_EQUAL(config.decoder.rope_theta, 5000.0);
    CHECK_EQUAL(config.decoder.bos_token_id, 19);
    CHECK_EQUAL(config.decoder.pad_token_id, 3);
    CHECK(config.decoder.eos_token_ids.empty());
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
    files f;
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
        files f;
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

    CHECK_THROWS(theta({ { "rope_scaling", { { "type", "linear" }, { "factor", 2.0 } } } }), unsupported, "type", "\"linear\"");
    CHECK_THROWS(theta({ { "rope_parameters", { { "rope_type", "yarn" } } } }), unsupported, "rope_type", "\"yarn\"");
    CHECK_THROWS(theta({ { "rope_parameters", 5 } }), bad, "rope_parameters must be an object");
    CHECK_THROWS(theta({ { "rope_theta", "10000" } }), bad, "rope_theta must be a number, but is \"10000\"");
    CHECK_THROWS(theta({ { "rope_theta", nullptr } }), bad, "rope_theta");
    CHECK_THROWS(theta({ { "rope_theta", 0 } }), bad, "rope_theta");
    CHECK_THROWS(theta({ { "rope_theta", -1e5 } }), bad, "rope_theta");
}

void test_types() {
    const auto throws = [](const char * pointer, const json & value, kstt_status status, const char * key,
                           const char * words = "") {
        CHECK_THROWS(with_value(pointer, value).read(), status, "config.json", key, words);
    };
    for (const char * key : { "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "sliding_window",
                              "ffn_dim", "num_codebooks", "codebook_vocab_size", "codec_config/hidden_size",
                              "codec_config/num_filters", "codec_config/codebook_size", "codec_config/kernel_size",
                              "codec_config/num_quantizers", "codec_config/sliding_window", "codec_config/compress",
                              "codec_config/intermediate_size", "codec_config/num_hidden_layers" }) {
        const std::string pointer = std::string("/") + key;
        std::string       name    = key;
        if (const size_t slash = name.find('/'); slash != std::string::npos) {
            name[slash] = '.';
        }
        for (const json & value : { json(nullptr), json("16"), json(16.0), json(true), json::array(), json::object(), json(0),
                                    json(-16), json(1 << 21), json(INT64_MAX), json(INT64_MIN), json(UINT64_MAX), json(1e300) }) {
            throws(pointer.c_str(), value, bad, name.c_str(), "must be an integer from");
        }
    }
    throws("/rms_norm_eps", "x", bad, "rms_norm_eps must be a number");
    throws("/rms_norm_eps", -1e-8, bad, "rms_norm_eps must be a number from 0 to 1");
    throws("/tie_word_embeddings", 0, bad, "tie_word_embeddings must be true or false, but is 0");
    throws("/hidden_act", 5, bad, "hidden_act must be a string");
    throws("/codec_config", "mimi", bad, "codec_config must be an object");
    throws("/codec_config/upsampling_ratios", "8", bad, "codec_config.upsampling_ratios must be an array");
    throws("/codec_config/upsampling_ratios", { 8, 0 }, bad, "codec_config.upsampling_ratios[1]");
    throws("/codec_config/upsampling_ratios", { 8, "a" }, bad, "codec_config.upsampling_ratios[1]");
    throws("/model_type", 5, bad, "model_type must be a string");
}

void test_relations() {
    const auto throws = [](const char * pointer, const json & value, const char * key, const char * words = "") {
        CHECK_THROWS(with_value(pointer, value).read(), bad, "config.json", key, words);
    };
    throws("/num_attention_heads", 3, "num_attention_heads must divide hidden_size, 16, but is 3");
    throws("/num_key_value_heads", 3, "num_key_value_heads must divide num_attention_heads, 4, but is 3");
    throws("/head_dim", 7, "head_dim must be even");
    throws("/head_dim", 0, "head_dim must be an integer from 1");
    throws("/head_dim", 1 << 20, "head_dim times num_attention_heads");
    throws("/num_attention_heads", 16, "head_dim must be even", "but is 1");
    throws("/ffn_dim", 7, "ffn_dim must be even, but is 7");
    throws("/num_codebooks", 5, "num_codebooks must not exceed codec_config.num_quantizers, 4, but is 5");
    throws("/codebook_vocab_size", 15, "codebook_vocab_size must not be below codec_config.codebook_size, 16, but is 15");
    throws("/codebook_vocab_size", 1 << 20, "codebook_vocab_size times num_codebooks");
    throws("/audio_bos_token_id", 18, "audio_bos_token_id must be an integer from 0 to 17");
    throws("/audio_bos_token_id", nullptr, "audio_bos_token_id");
    throws("/audio_pad_token_id", 89, "audio_pad_token_id is 89, outside the embedding table of 89 rows");
    throws("/audio_pad_token_id", -90, "audio_pad_token_id must be an integer from -89");
    throws("/audio_pad_token_id", nullptr, "audio_pad_token_id");
    throws("/codec_config/codebook_size", 15, "codec_config.codebook_size must be a power of two, but is 15");
    throws("/codec_config/codebook_dim", 4, "codec_config.codebook_dim must equal vector_quantization_hidden_dimension, 8");
    throws("/codec_config/num_semantic_quantizers", 4, "codec_config.num_semantic_quantizers must be below");
    throws("/codec_config/num_attention_heads", 3, "codec_config.num_attention_heads must divide hidden_size");
    throws("/codec_config/num_key_value_heads", 4, "codec_config.num_key_value_heads must divide");
    throws("/codec_config/compress", 5, "codec_config.compress must not exceed num_filters, 4");
    throws("/codec_config/upsampling_ratios", json(30, 2), "codec_config.upsampling_ratios multiplies up");
    throws("/codec_config/upsampling_ratios", json::array({ 1 << 20, 1 << 20, 1 << 20 }), "codec_config.upsampling_ratios");
    throws("/codec_config/upsampling_ratios", json(100000, 1), "codec_config.upsampling_ratios");
    throws("/codec_config/sampling_rate", 0, "codec_config.sampling_rate must be an integer from 1000 to 768000");

    files deep = with_value("/codec_config/num_residual_layers", 40);
    deep.config["codec_config"]["dilation_growth_rate"] = 1 << 20;
    CHECK_THROWS(deep.read(), bad, "codec_config.dilation_growth_rate");

    // Absent keys whose default does not fit the rest are named too.
    files absent;
    absent.config.erase("audio_pad_token_id");
    CHECK_THROWS(absent.read(), bad, "audio_pad_token_id is 69569, outside the embedding table of 89 rows");
    absent = files();
    absent.config["codec_config"].erase("codebook_dim");
    CHECK_THROWS(absent.read(), bad, "codec_config.codebook_dim must equal");

    // As torch.nn.Embedding counts.
    CHECK_EQUAL(with_value("/audio_pad_token_id", -1).read().decoder.audio_pad_token_id, 88);
    CHECK_EQUAL(with_value("/audio_bos_token_id", 17).read().decoder.audio_bos_token_id, 17);
    CHECK_EQUAL(with_value("/num_key_value_heads", nullptr).read().decoder.num_key_value_heads, 4);
    CHECK_EQUAL(with_value("/head_dim", nullptr).read().decoder.head_dim, 4);
    CHECK_EQUAL(with_value("/head_dim", 10).read().decoder.head_dim, 10);
    CHECK_EQUAL(with_value("/codec_config/head_dim", 0).read().codec.head_dim, 16);
}

void test_kinds() {
    const auto throws = [](const char * pointer, const json & value, const char * key, const char * words = "") {
        CHECK_THROWS(with_value(pointer, value).read(), unsupported, "config.json", key, words);
    };
    throws("/model_type", "whisper", "model_type is \"whisper\"", "only \"kyutai_speech_to_text\"");
    throws("/codec_config/model_type", "encodec", "codec_config.model_type is \"encodec\"", "\"mimi\"");
    throws("/hidden_act", "relu", "hidden_act is \"relu\"", "\"silu\"");
    throws("/codec_config/hidden_act", "silu", "codec_config.hidden_act is \"silu\"", "\"gelu\"");
    throws("/codec_config/pad_mode", "reflect", "codec_config.pad_mode is \"reflect\"");
    throws("/codec_config/use_causal_conv", false, "codec_config.use_causal_conv is false");
    throws("/codec_config/audio_channels", 2, "codec_config.audio_channels is 2");
    throws("/quantization_config", { { "quant_method", "bitsandbytes" } }, "quantization_config");
    CHECK_EQUAL(with_value("/codec_config/pad_mode", "replicate").read().codec.pad_mode, "replicate");

    CHECK_THROWS(read_with({ { "model_type", nullptr } }), bad, "the key model_type is missing");
    CHECK_THROWS(read_with({ { "codec_config", { { "model_type", nullptr } } } }), bad, "codec_config.model_type is missing");

    // The original repositories' config.json, whose keys all differ.
    files original;
    original.config = { { "model_type", "stt" }, { "card", 2048 }, { "n_q", 32 }, { "dim", 2048 } };
    CHECK_THROWS(original.read(), unsupported, "original Kyutai layout", "-trfs");
}

void test_frame_rate() {
    CHECK_EQUAL(with_value("/codec_config/frame_rate", 375).read().codec.frame_rate, 375.0);
    CHECK_EQUAL(with_value("/codec_config/frame_rate", nullptr).read().codec.frame_rate, 375.0);
    // transformers saves _frame_rate, and what it saved wins.
    files saved = with_value("/codec_config/_frame_rate", nullptr);
    saved.config["codec_config"]["frame_rate"] = 12.5;
    CHECK_EQUAL(saved.read().codec.frame_rate, 375.0);

    CHECK_THROWS(with_value("/codec_config/frame_rate", 750).read(), unsupported, "codec_config.frame_rate is 750", "375");
    CHECK_THROWS(with_value("/codec_config/frame_rate", 12.5).read(), unsupported, "codec_config.frame_rate is 12.5", "375");
    CHECK_THROWS(with_value("/codec_config/_frame_rate", 12.5).read(), unsupported, "codec_config._frame_rate is 12.5");
    CHECK_THROWS(with_value("/codec_config/frame_rate", 0).read(), bad, "codec_config.frame_rate must be above 0");
    CHECK_THROWS(with_value("/codec_config/frame_rate", "a").read(), bad, "codec_config.frame_rate must be a number");

    // Where the rate of columns is no integer, transformers rounds it up for the kernel.
    files odd = with_value("/codec_config/sampling_rate", 16000);
    odd.config["codec_config"]["upsampling_ratios"] = { 8, 6, 5, 4 };
    odd.preprocessor["sampling_rate"] = 16000;
    const model_config config = odd.read();
    CHECK(std::abs(config.codec.frame_rate - 16000.0 / 1920.0) < 1e-12);
    CHECK_EQUAL(config.codec.columns_per_frame(), 2);
    CHECK_EQUAL(config.codec.downsample_kernel_size(), 4);
}

void test_generation() {
    files f = with_value("/bos_token_id", 7);
    CHECK_EQUAL(f.read().decoder.bos_token_id, 19);
    f.generation = nullptr;
    CHECK_EQUAL(f.read().decoder.bos_token_id, 7);
    f.generation = json::object();
    CHECK_EQUAL(f.read().decoder.bos_token_id, 7);
    f.generation = { { "bos_token_id", 40 }, { "pad_token_id", 5 }, { "eos_token_id", { 2, 9 } } };
    CHECK_EQUAL(f.read().decoder.bos_token_id, 40);  // a row of an audio stream
    CHECK_EQUAL(f.read().decoder.pad_token_id, 5);
    CHECK(f.read().decoder.eos_token_ids == (std::vector<int32_t>{ 2, 9 }));

    // The eos of config.json counts only without generation_config.json.
    f = with_value("/eos_token_id", 6);
    CHECK(f.read().decoder.eos_token_ids.empty());
    f.generation = nullptr;
    CHECK(f.read().decoder.eos_token_ids == (std::vector<int32_t>{ 6 }));

    const auto throws = [](const json & generation, kstt_status status, const char * words) {
        files g;
        g.generation = generation;
        CHECK_THROWS(g.read(), status, "generation_config.json", words);
    };
    throws({ { "bos_token_id", 89 } }, bad, "bos_token_id is 89, outside the embedding table of 89 rows");
    throws({ { "bos_token_id", -1 } }, bad, "bos_token_id must be an integer from 0");
    throws({ { "bos_token_id", "x" } }, bad, "bos_token_id");
    throws({ { "pad_token_id", 20 } }, bad, "pad_token_id must be an integer from 0 to 19");
    throws({ { "eos_token_id", "x" } }, bad, "eos_token_id must be an integer");
    throws({ { "eos_token_id", { 1, -1 } } }, bad, "eos_token_id[1]");
    throws(json::array(), bad, "must be an object");
    throws({ { "do_sample", true } }, unsupported, "do_sample is true; only greedy");
    throws({ { "num_beams", 4 } }, unsupported, "num_beams is 4");
    throws({ { "repetition_penalty", 1.5 } }, unsupported, "repetition_penalty is 1.5");
    throws({ { "suppress_tokens", { 1 } } }, unsupported, "suppress_tokens");
    f            = files();
    f.generation = { { "do_sample", false }, { "num_beams", 1 }, { "repetition_penalty", 1.0 }, { "suppress_tokens", nullptr },
                     { "audio_window_size", 1 }, { "cache_implementation", "sliding_window" } };
    CHECK_EQUAL(f.read().decoder.bos_token_id, 19);

    f            = with_value("/pad_token_id", nullptr);
    f.generation = nullptr;
    CHECK_THROWS(f.read(), bad, "config.json: pad_token_id", "null");
}

void test_feature_extractor() {
    files f;
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
        files g;
        g.preprocessor[key] = value;
        CHECK_THROWS(g.read(), status, "preprocessor_config.json", words);
    };
    throws("audio_delay_seconds", -0.5, bad, "audio_delay_seconds must be a number from 0 to 600");
    throws("audio_delay_seconds", nullptr, bad, "audio_delay_seconds");
    throws("audio_silence_prefix_seconds", 1e9, bad, "audio_silence_prefix_seconds");
    throws("sampling_rate", 16000, bad, "sampling_rate is 16000, but codec_config.sampling_rate of config.json is 24000");
    throws("sampling_rate", "24000", bad, "sampling_rate must be an integer");
    throws("feature_size", 2, unsupported, "feature_size is 2");
}

void test_files() {
    const temp_folder folder;
    CHECK_THROWS(read_model_config(folder.path("absent")), KSTT_STATUS_FILE_NOT_FOUND, "absent");
    CHECK_THROWS(read_model_config(folder.path()), KSTT_STATUS_FILE_NOT_FOUND, "config.json");
    CHECK_THROWS(read_model_config(folder.write("file", "")), KSTT_STATUS_FILE_ACCESS, "is not a folder");
    const auto throws = [&](const std::string & text, const char * words) {
        folder.write("config.json", text);
        CHECK_THROWS(read_model_config(folder.path()), bad, "config.json", words);
    };
    throws("", "not valid JSON");
    throws("{", "not valid JSON");
    throws("{}x", "not valid JSON");
    throws("[]", "must be an object, but is an array");
    throws("null", "must be an object, but is null");
    throws(R"({"a":1e999})", "not valid JSON");
    throws(R"({"a":NaN})", "not valid JSON");
    throws(std::string(200000, '['), "nested deeper than 64");
    std::string nested;
    for (int i = 0; i < 100000; ++i) {
        nested += "{\"a\":";
    }
    throws(nested, "nested deeper than 64");
    throws(std::string(size_t{ 5 } << 20U, ' '), "bytes, but at most");
}

void test_mutations() {
    const files       valid;
    const std::string config    = valid.config.dump();
    const std::string generation = valid.generation.dump();
    const std::string preprocessor = valid.preprocessor.dump();
    const temp_folder folder;
    int               n_known = 0;
    int               n_read  = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        folder.write("config.json", seed % 3 != 2 ? mutate(config, seed) : config);
        folder.write("generation_config.json", seed % 6 == 2 ? mutate(generation, seed) : generation);
        folder.write("preprocessor_config.json", seed % 6 == 5 ? mutate(preprocessor, seed) : preprocessor);
        try {
            const model_config read = read_model_config(folder.path());
            // Whatever was accepted can be computed with.
            const bool sane = read.codec.frame_size() > 0 && read.codec.downsample_kernel_size() > 0 &&
                              read.decoder.bos_token_id < read.decoder.embedding_rows() && read.codec.frame_rate > 0;
            n_known += sane ? 1 : 0;
            ++n_read;
        } catch (const kstt::error & e) {
            n_known += e.status() == bad || e.status() == unsupported ? 1 : 0;
        }
    }
    CHECK_EQUAL(n_known, 3000);
    CHECK(n_read > 0 && n_read < 2500);
}

}  // namespace

int main() {
    test_values();
    test_defaults();
    test_rope();
    test_types();
    test_relations();
    test_kinds();
    test_frame_rate();
    test_generation();
    test_feature_extractor();
    test_files();
    test_mutations();
    return check_report();
}
