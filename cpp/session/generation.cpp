#include "session/generation.h"

#include "runtime/error.h"
#include "session/codec-call.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <numeric>

namespace kstt {

namespace {

// With many rows there is work enough without drafts.
int64_t count_columns(const networks & device, int32_t n_rows) {
    return device.drafts_pay() ? std::max<int64_t>(1, draft_length::longest / n_rows) : 1;
}

decoder_options text_options(int32_t n_rows, int64_t n_steps, int64_t max_columns) {
    decoder_options options;
    options.max_steps            = std::max<int64_t>(n_steps, 1);
    options.n_slots              = n_rows;
    options.max_columns_per_call = static_cast<int32_t>(max_columns);
    options.precision            = rope_precision::reference;
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
      max_columns_(count_columns(device, batch_.n_rows)),
      codec_(device.make_codec(offline_codec_options(batch_.n_rows))),
      decoder_(device.make_decoder(text_options(batch_.n_rows, n_steps_, max_columns_))) {
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

int64_t generation::n_to_decode() const {
    bool after_pads = true;
    for (int64_t row = 0; row < batch_.n_rows; row++) {
        after_pads &= tokens_[static_cast<size_t>(row * n_tokens() + step_)] == model_.config.decoder.pad_token_id;
    }
    return std::min({ draft_.next(after_pads), max_columns_, n_steps_ - step_ });
}

// Text id and codes of step step_ + column; the text of all but the first is drafted.
void generation::add_ids(int64_t row, int64_t column, std::vector<int32_t> & ids) const {
    const decoder_config & config  = model_.config.decoder;
    const int64_t          n_codes = config.num_codebooks;
    const int64_t          step    = step_ + column;
    ids.push_back(column == 0 ? tokens_[static_cast<size_t>(row * n_tokens() + step)] : config.pad_token_id);
    if (step == 0) {
        ids.insert(ids.end(), static_cast<size_t>(n_codes), config.audio_bos_token_id);
    } else {
        const auto from = codes_.begin() + ((step - 1) * batch_.n_rows + row) * n_codes;
        ids.insert(ids.end(), from, from + n_codes);
    }
}

int64_t generation::take_tokens(int64_t n_columns) {
    int64_t n_right = 0;
    bool    goes_on = true;
    while (goes_on && n_right < n_columns) {
        for (int64_t row = 0; row < batch_.n_rows; row++) {
            const int32_t token = decoder_->choice(row * n_columns + n_right).token;
            tokens_[static_cast<size_t>(row * n_tokens() + step_ + n_right + 1)] = token;
            goes_on &= token == model_.config.decoder.pad_token_id;
        }
        n_right++;
    }
    return n_right;
}

int64_t generation::decode_some(work_stats & stats) {
    decoder_call call;
    call.n_columns = n_to_decode();
    call.slots.resize(static_cast<size_t>(batch_.n_rows));
    std::iota(call.slots.begin(), call.slots.end(), 0);
    for (int64_t row = 0; row < batch_.n_rows; row++) {
        for (int64_t column = 0; column < call.n_columns; column++) {
            add_ids(row, column, call.ids);
        }
    }
    const stopwatch watch;
    // All rows of the head take part, the start token's zero row included (spec 5.4 d).
    decoder_->compute(call, model_.config.decoder.output_vocab_size);
    const int64_t n_right = take_tokens(call.n_columns);
    for (int32_t row = 0; row < batch_.n_rows; row++) {
        decoder_->rewind(row, call.n_columns - n_right);
    }
    stats.decoder_ns += watch.elapsed_ns();
    stats.decoder_frames += n_right * batch_.n_rows;
    stats.decoder_steps++;
    draft_.took(call.n_columns, n_right);
    step_ += n_right;
    return n_right * batch_.n_rows;
}

work_progress generation::advance(int64_t max_frames, work_stats & stats) {
    int64_t done = 0;
    while (done < max_frames && step_ < n_steps_) {
        // Step s reads frame s - 1.
        const bool has_codes = encoded_ >= std::min(step_ + n_to_decode() - 1, n_codes_);
        done += has_codes ? decode_some(stats) : encode_some(stats);
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
