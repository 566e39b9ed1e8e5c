// The engine's part in work of the codec alone: creates it, and lends it the device one call at a time.
#include "runtime/error.h"
#include "session/engine.h"

#include <utility>

namespace kstt {

const mimi_decoder_weights & engine::codec_decoder() {
    const std::lock_guard<std::mutex> hold(codec_lock_);
    if (codec_decoder_ == nullptr) {
        codec_decoder_ = load_mimi_decoder_weights(model_->open_codec_decoder(), model_->mimi, *backend_);
    }
    return *codec_decoder_;
}

std::shared_ptr<codec_stream> engine::create_codec_stream(bool decodes, int32_t n_rows) {
    return decodes ? make_decoder_stream(codec_decoder(), *backend_, n_rows) : make_encoder_stream(*networks_, n_rows);
}

std::unique_ptr<encoding> engine::create_encoding(audio_batch batch, std::shared_ptr<codec_stream> stream) {
    return std::make_unique<encoding>(*model_, *networks_, std::move(batch), std::move(stream));
}

std::unique_ptr<decoding> engine::create_decoding(code_batch batch, std::shared_ptr<codec_stream> stream) {
    return std::make_unique<decoding>(codec_decoder(), *backend_, std::move(batch), std::move(stream));
}

template <typename W>
work_progress engine::advance_codec(W & target, int64_t max_frames) {
    const compute_turn  turn(computing_);
    work_stats          stats;
    const work_progress progress = target.advance(max_frames, stats);
    add_stats(stats);
    return progress;
}

work_progress engine::advance(encoding & target, int64_t max_frames) {
    return advance_codec(target, max_frames);
}

work_progress engine::advance(decoding & target, int64_t max_frames) {
    return advance_codec(target, max_frames);
}

}  // namespace kstt
