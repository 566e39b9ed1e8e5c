#include "session/codec-work.h"

#include "runtime/error.h"
#include "session/codec-call.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kstt {

namespace {

void check_rows(const codec_stream & stream, int32_t n_rows) {
    if (stream.n_rows() != n_rows) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("the batch has %d rows, but its stream has %d", n_rows, stream.n_rows()));
    }
}

void check_codes(const code_batch & batch, const codec_config & config) {
    if (batch.n_codes > config.num_quantizers) {
        throw error(
            KSTT_STATUS_INVALID_ARGUMENT,
            format("the codes are of %d codebooks, but the codec has %d", batch.n_codes, config.num_quantizers));
    }
    const auto wrong = std::find_if(
        batch.codes.begin(), batch.codes.end(), [&](int32_t code) { return code < 0 || code >= config.codebook_size; });
    if (wrong != batch.codes.end()) {
        const int64_t i = wrong - batch.codes.begin();
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("code %d of row %lld, codebook %lld, frame %lld is not in 0..%d",
                           *wrong,
                           static_cast<long long>(i / batch.n_frames / batch.n_codes),
                           static_cast<long long>(i / batch.n_frames % batch.n_codes),
                           static_cast<long long>(i % batch.n_frames),
                           config.codebook_size - 1));
    }
}

}  // namespace

std::shared_ptr<codec_stream> make_encoder_stream(networks & device, int32_t n_rows) {
    return std::make_shared<codec_stream>(device.make_codec(offline_codec_options(n_rows)), nullptr, n_rows);
}

std::shared_ptr<codec_stream> make_decoder_stream(const mimi_decoder_weights & weights,
                                                  compute_backend &            backend,
                                                  int32_t                      n_rows) {
    mimi_decoder_options options;
    options.n_slots             = n_rows;
    options.max_frames_per_call = offline_chunk_frames(n_rows);
    return std::make_shared<codec_stream>(nullptr, std::make_unique<mimi_decoder>(weights, options, backend), n_rows);
}

encoding::encoding(const stt_model & model, networks & device, audio_batch batch, std::shared_ptr<codec_stream> stream)
    : model_(model), batch_(std::move(batch)), stream_(std::move(stream)) {
    const int64_t frame_size = model.config.codec.frame_size();
    n_frames_                = (batch_.n_samples + frame_size - 1) / frame_size;
    if (stream_ != nullptr) {
        (void) stream_->encoder();
        check_rows(*stream_, batch_.n_rows);
        if (batch_.n_samples % frame_size != 0) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        format("a piece of a stream must be whole frames of %lld samples, but has %lld; pad the last "
                               "one with zeros",
                               static_cast<long long>(frame_size),
                               static_cast<long long>(batch_.n_samples)));
        }
    } else {
        stream_ = make_encoder_stream(device, batch_.n_rows);
    }
    codes_.resize(static_cast<size_t>(n_frames_ * batch_.n_rows * model.config.codec.num_quantizers));
    stream_->take();
}

int64_t encoding::encode_some(work_stats & stats) {
    const int64_t frame_size = model_.config.codec.frame_size();
    const int64_t n_codes    = model_.config.codec.num_quantizers;
    const int64_t n_whole    = batch_.n_samples / frame_size - encoded_;
    const int64_t first      = encoded_ * frame_size;
    const int64_t count      = std::min<int64_t>(offline_chunk_frames(batch_.n_rows), std::max<int64_t>(n_whole, 1));
    mimi_call     call       = codec_call(batch_, first, n_whole > 0 ? count * frame_size : batch_.n_samples - first);
    call.pad_right           = n_whole == 0;
    std::vector<int32_t> fresh;  // [row][frame][quantizer]
    const stopwatch      watch;
    stream_->encoder().encode(call, fresh);
    stats.codec_ns += watch.elapsed_ns();
    stats.codec_frames += count * batch_.n_rows;
    for (int64_t row = 0; row < batch_.n_rows; row++) {
        for (int64_t i = 0; i < count; i++) {
            for (int64_t q = 0; q < n_codes; q++) {
                codes_[static_cast<size_t>((row * n_codes + q) * n_frames_ + encoded_ + i)] =
                    fresh[static_cast<size_t>((row * count + i) * n_codes + q)];
            }
        }
    }
    encoded_ += count;
    return count * batch_.n_rows;
}

work_progress encoding::advance(int64_t max_frames, work_stats & stats) {
    int64_t done = 0;
    while (done < max_frames && encoded_ < n_frames_) {
        done += encode_some(stats);
    }
    if (encoded_ == n_frames_) {
        stream_->give_back();
    }
    return progress();
}

work_progress encoding::progress() const {
    return { encoded_ * batch_.n_rows, n_frames_ * batch_.n_rows };
}

decoding::decoding(const mimi_decoder_weights &  weights,
                   compute_backend &             backend,
                   code_batch                    batch,
                   std::shared_ptr<codec_stream> stream)
    : batch_(std::move(batch)), frame_size_(weights.config.frame_size()), stream_(std::move(stream)) {
    check_codes(batch_, weights.config);
    if (stream_ != nullptr) {
        (void) stream_->decoder();
        check_rows(*stream_, batch_.n_rows);
    } else {
        stream_ = make_decoder_stream(weights, backend, batch_.n_rows);
    }
    audio_.resize(static_cast<size_t>(batch_.n_rows * n_samples()));
    stream_->take();
}

work_progress decoding::advance(int64_t max_frames, work_stats & stats) {
    int64_t done = 0;
    while (done < max_frames && decoded_ < batch_.n_frames) {
        mimi_decode_call call;
        call.slots.resize(static_cast<size_t>(batch_.n_rows));
        std::iota(call.slots.begin(), call.slots.end(), 0);
        call.stride   = batch_.n_frames;
        call.n_codes  = batch_.n_codes;
        call.n_frames = std::min<int64_t>(offline_chunk_frames(batch_.n_rows), batch_.n_frames - decoded_);
        for (int64_t row = 0; row < batch_.n_rows; row++) {
            call.codes.push_back(batch_.codes.data() + row * batch_.n_codes * batch_.n_frames + decoded_);
        }
        const int64_t   n = call.n_frames * frame_size_;
        const stopwatch watch;
        const float *   pcm = stream_->decoder().decode(call);
        stats.codec_ns += watch.elapsed_ns();
        stats.codec_frames += call.n_frames * batch_.n_rows;
        for (int64_t row = 0; row < batch_.n_rows; row++) {
            std::copy_n(pcm + row * n, n, audio_.begin() + row * n_samples() + decoded_ * frame_size_);
        }
        decoded_ += call.n_frames;
        done += call.n_frames * batch_.n_rows;
    }
    if (decoded_ == batch_.n_frames) {
        stream_->give_back();
    }
    return progress();
}

work_progress decoding::progress() const {
    return { decoded_ * batch_.n_rows, batch_.n_frames * batch_.n_rows };
}

}  // namespace kstt
