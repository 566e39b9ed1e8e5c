#include "session/codec-stream.h"

#include "runtime/error.h"

#include <utility>

namespace kstt {

codec_stream::codec_stream(std::unique_ptr<codec_network> encoder,
                           std::unique_ptr<mimi_decoder>  decoder,
                           int32_t                        n_rows)
    : encoder_(std::move(encoder)), decoder_(std::move(decoder)), n_rows_(n_rows) {
    KSTT_CHECK((encoder_ != nullptr) != (decoder_ != nullptr));
}

codec_network & codec_stream::encoder() {
    if (encoder_ == nullptr) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "the stream is one of the codec's decoder, not of its encoder");
    }
    return *encoder_;
}

mimi_decoder & codec_stream::decoder() {
    if (decoder_ == nullptr) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "the stream is one of the codec's encoder, not of its decoder");
    }
    return *decoder_;
}

void codec_stream::restart_attention() {
    take();
    for (int32_t row = 0; row < n_rows_; row++) {
        encoder_ != nullptr ? encoder_->restart_attention(row) : decoder_->restart_attention(row);
    }
    give_back();
}

void codec_stream::restart_convolutions() {
    take();
    for (int32_t row = 0; row < n_rows_; row++) {
        encoder_ != nullptr ? encoder_->restart_convolutions(row) : decoder_->restart_convolutions(row);
    }
    give_back();
}

void codec_stream::take() {
    if (taken_.exchange(true)) {
        throw error(KSTT_STATUS_INVALID_STATE,
                    "a piece of this stream is under way, or was given up half way; begin a new stream");
    }
}

void codec_stream::give_back() {
    // All rows move together.
    n_columns_ = encoder_ != nullptr ? encoder_->columns(0) : decoder_->columns(0);
    taken_     = false;
}

}  // namespace kstt
