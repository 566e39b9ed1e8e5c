#include "check.h"
#include "config-files.h"
#include "mutate.h"

namespace {

using kstt::model_config;
using kstt::read_model_config;
using nlohmann::json;

const kstt_status bad         = KSTT_STATUS_MODEL_FORMAT;
const kstt_status unsupported = KSTT_STATUS_MODEL_UNSUPPORTED;

void test_types() {
    const auto throws =
        [](const char * pointer, const json & value, kstt_status status, const char * key, const char * words = "") {
            CHECK_THROWS(with_value(pointer, value).read(), status, "config.json", key, words);
        };
    for (const char * key : { "vocab_size",
                              "hidden_size",
                              "num_hidden_layers",
                              "num_attention_heads",
                              "sliding_window",
                              "ffn_dim",
                              "num_codebooks",
                              "codebook_vocab_size",
                              "codec_config/hidden_size",
                              "codec_config/num_filters",
                              "codec_config/codebook_size",
                              "codec_config/kernel_size",
                              "codec_config/num_quantizers",
                              "codec_config/sliding_window",
                              "codec_config/compress",
                              "codec_config/intermediate_size",
                              "codec_config/num_hidden_layers" }) {
        const std::string pointer = std::string("/") + key;
        std::string       name    = key;
        if (const size_t slash = name.find('/'); slash != std::string::npos) {
            name[slash] = '.';
        }
        for (const json & value : { json(nullptr),
                                    json("16"),
                                    json(16.0),
                                    json(true),
                                    json::array(),
                                    json::object(),
                                    json(0),
                                    json(-16),
                                    json(1 << 21),
                                    json(INT64_MAX),
                                    json(INT64_MIN),
                                    json(UINT64_MAX),
                                    json(1e300) }) {
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
    throws(
        "/codebook_vocab_size", 15, "codebook_vocab_size must not be below codec_config.codebook_size, 16, but is 15");
    throws("/codebook_vocab_size", 1 << 20, "codebook_vocab_size times num_codebooks");
    throws("/audio_bos_token_id", 18, "audio_bos_token_id must be an integer from 0 to 17");
    throws("/audio_bos_token_id", nullptr, "audio_bos_token_id");
    throws("/audio_pad_token_id", 89, "audio_pad_token_id is 89, outside the embedding table of 89 rows");
    throws("/audio_pad_token_id", -90, "audio_pad_token_id must be an integer from -89");
    throws("/audio_pad_token_id", nullptr, "audio_pad_token_id");
    throws("/codec_config/codebook_size", 15, "codec_config.codebook_size must be a power of two, but is 15");
    throws("/codec_config/codebook_dim",
           4,
           "codec_config.codebook_dim must equal vector_quantization_hidden_dimension, 8");
    throws("/codec_config/num_semantic_quantizers", 4, "codec_config.num_semantic_quantizers must be below");
    throws("/codec_config/num_attention_heads", 3, "codec_config.num_attention_heads must divide hidden_size");
    throws("/codec_config/num_key_value_heads", 4, "codec_config.num_key_value_heads must divide");
    throws("/codec_config/compress", 5, "codec_config.compress must not exceed num_filters, 4");
    throws("/codec_config/upsampling_ratios", json(30, 2), "codec_config.upsampling_ratios multiplies up");
    throws("/codec_config/upsampling_ratios",
           json::array({ 1 << 20, 1 << 20, 1 << 20 }),
           "codec_config.upsampling_ratios");
    throws("/codec_config/upsampling_ratios", json(100000, 1), "codec_config.upsampling_ratios");
    throws("/codec_config/sampling_rate", 0, "codec_config.sampling_rate must be an integer from 1000 to 768000");

    config_files deep                                   = with_value("/codec_config/num_residual_layers", 40);
    deep.config["codec_config"]["dilation_growth_rate"] = 1 << 20;
    CHECK_THROWS(deep.read(), bad, "codec_config.dilation_growth_rate");

    // Absent keys whose default does not fit the rest are named too.
    config_files absent;
    absent.config.erase("audio_pad_token_id");
    CHECK_THROWS(absent.read(), bad, "audio_pad_token_id is 69569, outside the embedding table of 89 rows");
    absent = config_files();
    absent.config["codec_config"].erase("codebook_dim");
    CHECK_THROWS(absent.read(), bad, "codec_config.codebook_dim must equal");
    absent = config_files();
    absent.config.erase("audio_bos_token_id");
    CHECK_THROWS(absent.read(), bad, "audio_bos_token_id must be an integer from 0 to 17", "default is 2048");

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
    CHECK_THROWS(
        read_with({ { "codec_config", { { "model_type", nullptr } } } }), bad, "codec_config.model_type is missing");
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
    const config_files valid;
    const std::string  config       = valid.config.dump();
    const std::string  generation   = valid.generation.dump();
    const std::string  preprocessor = valid.preprocessor.dump();
    const temp_folder  folder;
    int                n_known = 0;
    int                n_read  = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        folder.write("config.json", seed % 3 != 2 ? mutate(config, seed) : config);
        folder.write("generation_config.json", seed % 6 == 2 ? mutate(generation, seed) : generation);
        folder.write("preprocessor_config.json", seed % 6 == 5 ? mutate(preprocessor, seed) : preprocessor);
        try {
            const model_config read = read_model_config(folder.path());
            // Whatever was accepted can be computed with.
            const bool         sane = read.codec.frame_size() > 0 && read.codec.downsample_kernel_size() > 0 &&
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
    return check_run({ test_types, test_relations, test_kinds, test_files, test_mutations });
}
