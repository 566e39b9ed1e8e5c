// The JSON files of a small checkpoint, to be changed and read.
#pragma once

#include "io/model-config.h"
#include "temp-folder.h"

#include <nlohmann/json.hpp>
#include <string>

// Valid together.
struct config_files {
    nlohmann::json config = {
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
    nlohmann::json generation   = { { "bos_token_id", 19 }, { "pad_token_id", 3 } };
    nlohmann::json preprocessor = { { "sampling_rate", 24000 },
                                    { "audio_delay_seconds", 0.5 },
                                    { "audio_silence_prefix_seconds", 1.0 } };
    nlohmann::json processor;  // null: no such file

    kstt::model_config read() const {
        const temp_folder folder;
        const auto        write = [&](const char * name, const nlohmann::json & value) {
            if (!value.is_null()) {
                folder.write(name, value.dump());
            }
        };
        write("config.json", config);
        write("generation_config.json", generation);
        write("preprocessor_config.json", preprocessor);
        write("processor_config.json", processor);
        return kstt::read_model_config(folder.path());
    }
};

// Reads the small checkpoint with changes made by the patch to config.json ("codec_config" is merged too).
inline kstt::model_config read_with(const nlohmann::json & patch) {
    config_files f;
    f.config.merge_patch(patch);  // a null in the patch removes the key
    return f.read();
}

// Same with one value of config.json set, null included.
inline config_files with_value(const std::string & pointer, const nlohmann::json & value) {
    config_files f;
    f.config[nlohmann::json::json_pointer(pointer)] = value;
    return f;
}
