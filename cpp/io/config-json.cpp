#include "io/config-json.h"

namespace kstt {
namespace {

nlohmann::json codec_to_json(const codec_config & c) {
    return {
        { "model_type", "mimi" },
        { "sampling_rate", c.sampling_rate },
        { "audio_channels", c.audio_channels },
        { "hidden_size", c.hidden_size },
        { "num_filters", c.num_filters },
        { "num_residual_layers", c.num_residual_layers },
        { "upsampling_ratios", c.upsampling_ratios },
        { "kernel_size", c.kernel_size },
        { "last_kernel_size", c.last_kernel_size },
        { "residual_kernel_size", c.residual_kernel_size },
        { "dilation_growth_rate", c.dilation_growth_rate },
        { "compress", c.compress },
        { "use_causal_conv", c.use_causal_conv },
        { "use_conv_shortcut", c.use_conv_shortcut },
        { "pad_mode", c.pad_mode },
        { "codebook_size", c.codebook_size },
        { "codebook_dim", c.codebook_dim },
        { "num_quantizers", c.num_quantizers },
        { "num_semantic_quantizers", c.num_semantic_quantizers },
        { "vector_quantization_hidden_dimension", c.vector_quantization_hidden_dimension },
        { "num_hidden_layers", c.num_hidden_layers },
        { "intermediate_size", c.intermediate_size },
        { "num_attention_heads", c.num_attention_heads },
        { "num_key_value_heads", c.num_key_value_heads },
        { "head_dim", c.head_dim },
        { "hidden_act", c.hidden_act },
        { "norm_eps", static_cast<double>(c.norm_eps) },
        { "rope_theta", c.rope_theta },
        { "sliding_window", c.sliding_window },
        { "attention_bias", c.attention_bias },
        { "frame_rate", c.frame_rate },
        { "upsample_groups", c.upsample_groups },
        { "trim_right_ratio", c.trim_right_ratio },
    };
}

}  // namespace

nlohmann::json config_to_json(const model_config & config) {
    const decoder_config & d = config.decoder;
    return {
        { "model_type", "kyutai_speech_to_text" },
        { "codec_config", codec_to_json(config.codec) },
        { "codebook_vocab_size", d.codebook_vocab_size },
        { "vocab_size", d.vocab_size },
        { "hidden_size", d.hidden_size },
        { "num_hidden_layers", d.num_hidden_layers },
        { "num_attention_heads", d.num_attention_heads },
        { "num_key_value_heads", d.num_key_value_heads },
        { "head_dim", d.head_dim },
        { "rope_theta", d.rope_theta },
        { "hidden_act", d.hidden_act },
        { "sliding_window", d.sliding_window },
        { "ffn_dim", d.ffn_dim },
        { "rms_norm_eps", static_cast<double>(d.rms_norm_eps) },
        { "num_codebooks", d.num_codebooks },
        { "audio_bos_token_id", d.audio_bos_token_id },
        { "audio_pad_token_id", d.audio_pad_token_id },
        { "tie_word_embeddings", d.tie_word_embeddings },
        { "pad_token_id", d.pad_token_id },
        { "bos_token_id", d.bos_token_id },
        { "feature_extractor",
          { { "sampling_rate", config.feature_sampling_rate },
            { "audio_delay_seconds", config.audio_delay_seconds },
            { "audio_silence_prefix_seconds", config.audio_silence_prefix_seconds } } },
    };
}

}  // namespace kstt
