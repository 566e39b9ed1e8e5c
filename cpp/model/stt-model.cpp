#include "model/stt-model.h"

#include "runtime/error.h"

#include <utility>

namespace kstt {

namespace {

// Limits of the graphs, checked once here so that nothing fails later.
void check_supported(const model_config & config) {
    const auto check_head = [](int32_t head_dim, const char * whose) {
        if (head_dim % 2 != 0 || head_dim > 1024) {
            throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                        format("the %s's head_dim is %d; even sizes up to 1024 are supported", whose, head_dim));
        }
    };
    check_head(config.codec.head_dim, "codec");
    check_head(config.decoder.head_dim, "decoder");
    if (config.codec.audio_channels != 1) {
        throw error(
            KSTT_STATUS_MODEL_UNSUPPORTED,
            format("the codec has audio_channels = %d; only mono codecs are supported", config.codec.audio_channels));
    }
    if (config.codec.columns_per_frame() > config.codec.sliding_window) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    format("the codec's sliding_window of %d is shorter than a frame", config.codec.sliding_window));
    }
}

}  // namespace

std::unique_ptr<stt_model> stt_model::load(model_source source, const compute_backend & backend, bool packed) {
    auto model    = std::make_unique<stt_model>();
    model->layout = std::move(source.layout);
    model->config = std::move(source.config);
    check_supported(model->config);
    model->pieces = piece_decoder::read(source.tokenizer);
    model->store  = std::make_unique<weight_store>(source.weights, backend, packed);
    model->open_codec_decoder =
        source.open_codec_decoder ? source.open_codec_decoder : [whole = source.weights] { return whole; };
    // With a head in the file transformers ignores the flag; without one it would use the whole embedding table.
    if (model->config.decoder.tie_word_embeddings && !model->store->has("lm_head.weight")) {
        throw error(
            KSTT_STATUS_MODEL_UNSUPPORTED,
            "config.json: tie_word_embeddings is true and there is no lm_head.weight; tied heads are not supported");
    }
    model->mimi    = load_mimi_weights(*model->store, model->config.codec);
    model->decoder = load_decoder_weights(*model->store, model->config.decoder);
    return model;
}

}  // namespace kstt
