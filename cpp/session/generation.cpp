#include "session/generation.h"

#include "runtime/error.h"
#include "session/codec-call.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <numeric>

namespace kstt {

namespace {

decoder_options text_options(int32_t n_rows, int64_t n_steps) {
    decoder_options options;
    options.max_steps = std::max<int64_t>(n_steps, 1);
    options.n_slots   = n_rows;
    options.precision = rope_precision::reference;
    return options;
}

int64_t count_steps(const stt_model & model, const audio_batch & batch, int32_t max_new_tokens) {
    const int64_t n_frames = batch.n_samples / model.config.codec.frame_size();
    return max_new_tokens < 0 ? n_frames : std::min<int64_t>(n_frames, max_new_tokens);
}

}  // namespace

generation::generation(
    const stt_model & model, networks & device, audio_batch batch, int32_t max_new_tokens, int32_t audio_window_size)
    : model_(model), batch_(std::move(batch)), window_(audio_window_size),
      n_steps_(count_steps(model, batch_, max_new_tokens)), n_codes_(std::max<int64_t>(0, n_steps_ - 1)),
      codec_(device.make_codec(offline_codec_options(batch_.n_rows))),
      decoder_(device.make_decoder(text_options(batch_.n_rows, n_steps_))) {
    codes_.resize(static_cast<size_t>(n_codes_ * batch_.n_rows * model.config.decoder.num_codebooks));
    tokens_.assign(static_cast<size_t>(batch_.n_rows) * static_cast<size_t>(n_tokens()),
                   model.config.decoder.bos_token_id);
}

int64_t generation::frame_of_call(int64_t i) const {
    return window_ == 0 || i < window_ ? i : i - window_;
}

int64_t generation::encode_some(work_stats & stats) {
    const int64_t first = frame_of_call(encoded_);
    int64_t       count = std::min<int64_t>(offline_chunk_frames(batch_.n_rows), n_codes_ - encoded_);
    if (window_ > 0) {
        // A codec call of transformers ends with its window, and the next one begins without keys and values.
        count = std::min(count, window_ - encoded_ % window_);
        if (encoded_ % window_ == 0) {
            for (int32_t row = 0; row < batch_.n_rows; row++) {
                codec_->restart_attention(row);
            }
        }
    }
    const int64_t        frame_size = model_.config.codec.frame_size();
    const int64_t        n_used     = model_.config.decoder.num_codebooks;
    const int64_t        n_computed = model_.config.codec.num_quantizers;
    std::vector<int32_t> fresh;  // [row][frame][quantizer]
    const stopwatch      watch;
    codec_->encode(codec_call(batch_, first * frame_size, count * frame_size), fresh);
    stats.codec_ns += watch.elapsed_ns();
    stats.codec_frames += count * batch_.n_rows;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t row = 0; row < batch_.n_rows; row++) {
            const auto from = fresh.begin() + (row * count + i) * n_computed;
            std::copy(from, from + n_used, codes_.begin() + ((encoded_ + i) * batch_.n_rows + row) * n_used);
        }
    }
    encoded_ += count;
    return count * batch_.n_rows;
}

int64_t generation::decode_one(work_stats & stats) {
    const decoder_config & config  = model_.config.decoder;
    const int64_t          n_codes = config.num_codebooks;
    decoder_call           call;
    call.slots.resize(static_cast<size_t>(batch_.n_rows));
    std::iota(call.slots.begin(), call.slots.end(), 0);
    for (int64_t row = 0; row < batch_.n_rows; row++) {
        call.ids.push_back(tokens_[static_cast<size_t>(row * n_tokens() + step_)]);
        if (step_ == 0) {
            call.ids.insert(call.ids.end(), static_cast<size_t>(n_codes), config.audio_bos_token_id);
        } else {
            const auto from = codes_.begin() + ((step_ - 1) * batch_.n_rows + row) * n_codes;
            call.ids.insert(call.ids.end(), from, from + n_codes);
        }
    }
    const stopwatch watch;
    // All rows of the head take part, the start token's zero row included (spec 5.4 d).
    decoder_->compute(call, config.output_vocab_size);
    stats.decoder_ns += watch.elapsed_ns();
    stats.decoder_frames += batch_.n_rows;
    stats.decoder_steps++;
    for (int64_t row = 0; row < batch_.n_rows; row++) {
        tokens_[static_cast<size_t>(row * n_tokens() + step_ + 1)] = decoder_->choice(row).token;
    }
    step_++;
    return batch_.n_rows;
}

work_progress generation::advance(int64_t max_frames, work_stats & stats) {
    int64_t done = 0;
    while (done < max_frames && step_ < n_steps_) {
        done += step_ > encoded_ ? encode_some(stats) : decode_one(stats);
    }
    return progress();
}

work_progress generation::progress() const {
    return { (encoded_ + step_) * batch_.n_rows, (n_codes_ + n_steps_) * batch_.n_rows };
}

std::vector<int32_t> generation::tokens() const {
    if (!progress().finished()) {
        throw error(KSTT_STATUS_INVALID_STATE, "the generation is not finished; call advance until it is");
    }
    return tokens_;
}

}  // namespace kstt
