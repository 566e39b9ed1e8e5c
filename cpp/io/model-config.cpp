#include "io/model-config.h"

#include "io/codec-config.h"
#include "io/config-reader.h"
#include "io/json-file.h"
#include "io/mapped-file.h"
#include "runtime/error.h"

#include <cmath>
#include <optional>

namespace kstt {
namespace {

void check_model_type(const json_value & root) {
    const std::string type = root.at("model_type").string();
    // "stt": the name before the release in transformers.
    if (type != "kyutai_speech_to_text" && type != "stt") {
        config_reader(root).unsupported("model_type", "\"kyutai_speech_to_text\"");
    }
    if (!root.is_null("quantization_config")) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    root.source() + ": quantization_config: the weights are quantized; give a checkpoint with F32, "
                                    "BF16 or F16 weights");
    }
}

void read_transformer(const config_reader & reader, decoder_config & config) {
    config.hidden_size         = reader.dimension("hidden_size", config.hidden_size);
    config.num_hidden_layers   = reader.integer("num_hidden_layers", config.num_hidden_layers, 1, max_layers);
    config.num_attention_heads = reader.dimension("num_attention_heads", config.num_attention_heads);
    config.num_key_value_heads =
        reader.is_null("num_key_value_heads") ? config.num_attention_heads : reader.dimension("num_key_value_heads", 0);
    config.head_dim = reader.head_dim(
        reader.is_null("head_dim"), config.hidden_size, config.num_attention_heads, config.num_key_value_heads);
    config.rope_theta          = reader.rope_theta();
    config.hidden_act          = reader.string("hidden_act", config.hidden_act);
    config.sliding_window      = reader.dimension("sliding_window", config.sliding_window);
    config.ffn_dim             = reader.dimension("ffn_dim", config.ffn_dim);
    config.rms_norm_eps        = reader.epsilon("rms_norm_eps", config.rms_norm_eps);
    config.tie_word_embeddings = reader.boolean("tie_word_embeddings", config.tie_word_embeddings);

    if (config.ffn_dim % 2 != 0) {
        reader.fail("ffn_dim", format("must be even, but is %d", config.ffn_dim));
    }
    if (config.hidden_act != "silu") {
        reader.unsupported("hidden_act", "\"silu\"");
    }
}

void read_vocabulary(const config_reader & reader, const codec_config & codec, decoder_config & config) {
    config.codebook_vocab_size = reader.dimension("codebook_vocab_size", config.codebook_vocab_size);
    config.vocab_size          = reader.dimension("vocab_size", config.vocab_size);
    config.output_vocab_size   = config.vocab_size;
    config.num_codebooks       = reader.integer("num_codebooks", config.num_codebooks, 1, max_layers);
    config.table_codebooks     = config.num_codebooks;

    if (config.num_codebooks > codec.num_quantizers) {
        reader.fail("num_codebooks",
                    format("must not exceed codec_config.num_quantizers, %d, but is %d",
                           codec.num_quantizers,
                           config.num_codebooks));
    }
    if (codec.codebook_size > config.codebook_vocab_size) {
        reader.fail("codebook_vocab_size",
                    format("must not be below codec_config.codebook_size, %d, but is %d",
                           codec.codebook_size,
                           config.codebook_vocab_size));
    }
    if (static_cast<int64_t>(config.num_codebooks) * config.codebook_vocab_size + config.vocab_size >= max_dimension) {
        reader.fail("codebook_vocab_size",
                    format("times num_codebooks makes an embedding table of more than %d rows", max_dimension));
    }
    // One beyond the rows of a stream still addresses the table: the last stream then reaches the zero row.
    config.audio_bos_token_id =
        reader.integer("audio_bos_token_id", config.audio_bos_token_id, 0, config.codebook_vocab_size);
    const int32_t rows        = config.embedding_rows();
    config.audio_pad_token_id = reader.integer("audio_pad_token_id", config.audio_pad_token_id, -rows, max_dimension);
    if (config.audio_pad_token_id >= rows) {
        reader.fail("audio_pad_token_id",
                    format("is %d, outside the embedding table of %d rows (vocab_size + "
                           "num_codebooks * codebook_vocab_size + 1)",
                           config.audio_pad_token_id,
                           rows));
    }
    if (config.audio_pad_token_id < 0) {  // counted from the end, as torch.nn.Embedding does
        config.audio_pad_token_id += rows;
    }
}

// Start and pad: those of generation_config.json where that file is there, else those of config.json.
void read_generation(const json_value * generation, const json_value & root, decoder_config & config) {
    if (generation != nullptr) {
        generation->expect_object();
    }
    const auto source_of = [&](const char * key) {
        return config_reader(generation != nullptr && !generation->is_null(key) ? *generation : root);
    };
    // A pad below 0 stands for none in transformers, but sessions need one.
    const nlohmann::json stored =
        generation != nullptr ? generation->raw().value("pad_token_id", nlohmann::json()) : nlohmann::json();
    const bool          is_none = stored.is_number_integer() && stored < 0;
    const config_reader pad     = is_none ? config_reader(root) : source_of("pad_token_id");
    config.pad_token_id         = pad.integer("pad_token_id", config.pad_token_id, 0, config.vocab_size - 1);
    const config_reader bos     = source_of("bos_token_id");
    config.bos_token_id         = bos.integer("bos_token_id", config.bos_token_id, 0, INT32_MAX);
    if (config.bos_token_id >= config.embedding_rows()) {
        bos.fail("bos_token_id",
                 format("is %d, outside the embedding table of %d rows (vocab_size + num_codebooks * "
                        "codebook_vocab_size + 1)",
                        config.bos_token_id,
                        config.embedding_rows()));
    }
}

// The feature extractor's settings, from where transformers 5.18 takes them: processor_config.json wins.
json_value find_feature_extractor(const std::string & folder) {
    const std::string processor    = path_in_folder(folder, "processor_config.json");
    const std::string preprocessor = path_in_folder(folder, "preprocessor_config.json");
    if (file_exists(processor)) {
        const json_value root = json_value::read(processor, max_config_bytes);
        root.expect_object();
        if (!root.is_null("feature_extractor")) {
            return root.at("feature_extractor");
        }
    }
    if (file_exists(preprocessor)) {
        return json_value::read(preprocessor, max_config_bytes);
    }
    throw error(KSTT_STATUS_FILE_NOT_FOUND,
                folder + ": neither preprocessor_config.json nor processor_config.json with a feature_extractor is "
                         "there; one of them must tell audio_delay_seconds and audio_silence_prefix_seconds");
}

void read_feature_extractor(const json_value & value, model_config & config) {
    // Bounds the silence that sessions feed.
    constexpr double    max_seconds = 600.0;
    const config_reader reader(value);
    config.feature_sampling_rate = reader.integer("sampling_rate", config.feature_sampling_rate, 1, INT32_MAX);
    config.audio_delay_seconds   = reader.number("audio_delay_seconds", config.audio_delay_seconds, 0.0, max_seconds);
    config.audio_silence_prefix_seconds =
        reader.number("audio_silence_prefix_seconds", config.audio_silence_prefix_seconds, 0.0, max_seconds);

    if (reader.integer("feature_size", 1, 1, max_dimension) != 1) {
        reader.unsupported("feature_size", "1");
    }
    if (config.feature_sampling_rate != config.codec.sampling_rate) {
        reader.fail("sampling_rate",
                    format("is %d, but codec_config.sampling_rate of config.json is %d",
                           config.feature_sampling_rate,
                           config.codec.sampling_rate));
    }
}

}  // namespace

int32_t decoder_config::embedding_rows() const {
    return vocab_size + table_codebooks * codebook_vocab_size + 1;
}

model_config read_model_config(const std::string & folder) {
    require_folder(folder);
    const std::string path = path_in_folder(folder, "config.json");
    if (!file_exists(path)) {
        throw error(KSTT_STATUS_FILE_NOT_FOUND,
                    path + ": no such file; give the folder of a checkpoint in the transformers layout");
    }
    const json_value          root            = json_value::read(path, max_config_bytes);
    const std::string         generation_path = path_in_folder(folder, "generation_config.json");
    std::optional<json_value> generation;
    if (file_exists(generation_path)) {
        generation = json_value::read(generation_path, max_config_bytes);
    }
    root.expect_object();
    check_model_type(root);
    return parse_model_config(root, generation ? &*generation : nullptr, find_feature_extractor(folder));
}

model_config parse_model_config(const json_value & root,
                                const json_value * generation,
                                const json_value & feature_extractor) {
    root.expect_object();
    check_model_type(root);
    model_config config;
    config.codec = read_codec_config(root);
    const config_reader reader(root);
    read_transformer(reader, config.decoder);
    read_vocabulary(reader, config.codec, config.decoder);
    read_generation(generation, root, config.decoder);
    config.generation = read_generation_settings(generation, root, config.decoder.vocab_size - 1);
    read_feature_extractor(feature_extractor, config);
    return config;
}

}  // namespace kstt
