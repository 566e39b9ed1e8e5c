#include "session/generation.h"

#include "runtime/error.h"
#include "session/codec-call.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

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

bool is_plain(const generation_options & options) {
    return !options.pause && !options.record && !options.chooser.rules.changes_scores();
}

}  // namespace

generation::generation(const stt_model & model, networks & device, audio_batch batch, generation_options options)
    : model_(model), batch_(std::move(batch)), options_(std::move(options)), window_(options_.audio_window_size),
      n_rows_(batch_.n_rows * options_.n_return), n_limit_(count_steps(model, batch_, options_.max_new_tokens)),
      n_steps_(n_limit_), n_codes_(std::max<int64_t>(0, n_limit_ - 1)), plain_(is_plain(options_)),
      max_columns_(plain_ ? count_columns(device, n_rows_) : 1),
      codec_(device.make_codec(offline_codec_options(batch_.n_rows))),
      chooser_(options_.chooser, n_rows_, model.config.decoder.output_vocab_size) {
    const decoder_config & config = model.config.decoder;
    if (options_.record) {
        cache_ = std::make_shared<decoder_cache>(model.decoder, n_rows_, config.sliding_window);
    } else {
        decoder_ = device.make_decoder(text_options(n_rows_, n_limit_, max_columns_));
    }
    codes_.resize(static_cast<size_t>(n_codes_ * batch_.n_rows * config.num_codebooks));
    tokens_.assign(static_cast<size_t>(n_rows_) * static_cast<size_t>(1 + n_limit_), config.bos_token_id);
}

int32_t & generation::token_at(int64_t row, int64_t place) {
    return tokens_[static_cast<size_t>(row * (1 + n_limit_) + place)];
}

int32_t generation::token_at(int64_t row, int64_t place) const {
    return tokens_[static_cast<size_t>(row * (1 + n_limit_) + place)];
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
    for (int64_t row = 0; row < n_rows_; row++) {
        after_pads &= token_at(row, step_) == model_.config.decoder.pad_token_id;
    }
    return std::min({ draft_.next(after_pads), max_columns_, n_steps_ - step_ });
}

// Text id and codes of step step_ + column; the text of all but the first is drafted.
void generation::add_ids(int64_t row, int64_t column, std::vector<int32_t> & ids) const {
    const decoder_config & config  = model_.config.decoder;
    const int64_t          n_codes = config.num_codebooks;
    const int64_t          step    = step_ + column;
    ids.push_back(column == 0 ? token_at(row, step) : config.pad_token_id);
    if (step == 0) {
        ids.insert(ids.end(), static_cast<size_t>(n_codes), config.audio_bos_token_id);
    } else {
        const auto from = codes_.begin() + ((step - 1) * batch_.n_rows + row / options_.n_return) * n_codes;
        ids.insert(ids.end(), from, from + n_codes);
    }
}

int64_t generation::take_tokens(int64_t n_columns) {
    int64_t n_right = 0;
    bool    goes_on = true;
    while (goes_on && n_right < n_columns) {
        for (int64_t row = 0; row < n_rows_; row++) {
            const int32_t token                = decoder_->choice(row * n_columns + n_right).token;
            token_at(row, step_ + n_right + 1) = token;
            goes_on &= token == model_.config.decoder.pad_token_id;
        }
        n_right++;
    }
    return n_right;
}

int64_t generation::decode_some(work_stats & stats) {
    decoder_call call;
    call.n_columns = n_to_decode();
    call.slots.resize(static_cast<size_t>(n_rows_));
    std::iota(call.slots.begin(), call.slots.end(), 0);
    for (int64_t row = 0; row < n_rows_; row++) {
        for (int64_t column = 0; column < call.n_columns; column++) {
            add_ids(row, column, call.ids);
        }
    }
    const stopwatch watch;
    // All rows of the head take part, the start token's zero row included (spec 5.4 d).
    decoder_->compute(call, model_.config.decoder.output_vocab_size);
    const int64_t n_right = take_tokens(call.n_columns);
    for (int32_t row = 0; row < n_rows_; row++) {
        decoder_->rewind(row, call.n_columns - n_right);
    }
    stats.decoder_ns += watch.elapsed_ns();
    stats.decoder_frames += n_right * n_rows_;
    stats.decoder_steps++;
    draft_.took(call.n_columns, n_right);
    step_ += n_right;
    return n_right * n_rows_;
}

void generation::run_step(std::vector<int32_t> ids, forward_network * network, work_stats & stats) {
    const stopwatch watch;
    if (!options_.record) {
        decoder_call call;
        call.slots.resize(static_cast<size_t>(n_rows_));
        std::iota(call.slots.begin(), call.slots.end(), 0);
        call.ids = std::move(ids);
        // All rows of the head take part, the start token's zero row included (spec 5.4 d).
        decoder_->compute(call, model_.config.decoder.output_vocab_size);
        stats.decoder_ns += watch.elapsed_ns();
        stats.decoder_frames += n_rows_;
        stats.decoder_steps++;
        return;
    }
    KSTT_CHECK(network != nullptr);
    forward_inputs inputs;
    inputs.n_rows        = n_rows_;
    inputs.n_positions   = 1;
    inputs.n_streams     = 1 + model_.config.decoder.num_codebooks;
    inputs.ids           = std::move(ids);
    inputs.hidden_states = options_.hidden_states;
    inputs.attentions    = options_.attentions;
    pass_.reset();
    pass_ = std::make_unique<forward_pass>(model_.decoder, std::move(inputs), cache_);
    pass_->advance(*network, n_rows_, stats);
}

const float * generation::logits_of(int64_t row) const {
    return options_.record ? pass_->logits().data() + row * model_.config.decoder.output_vocab_size
                           : decoder_->logits(row);
}

int64_t generation::decode_one(forward_network * network, work_stats & stats) {
    std::vector<int32_t> ids;
    for (int64_t row = 0; row < n_rows_; row++) {
        add_ids(row, 0, ids);
    }
    run_step(std::move(ids), network, stats);
    std::vector<const float *> logits;
    logits.reserve(static_cast<size_t>(n_rows_));
    for (int64_t row = 0; row < n_rows_; row++) {
        logits.push_back(logits_of(row));
    }
    chooser_.take(logits, tokens_.data(), 1 + n_limit_, 1 + step_, 1 + n_limit_);
    waiting_ = true;
    if (!options_.pause) {
        choose();
    }
    return n_rows_;
}

void generation::append(const std::vector<int32_t> & tokens) {
    for (int64_t row = 0; row < n_rows_; row++) {
        token_at(row, step_ + 1) = tokens[static_cast<size_t>(row)];
    }
    step_++;
}

std::vector<int32_t> generation::choose() {
    check_waiting();
    std::vector<int32_t> tokens = chooser_.choose(step_);
    waiting_                    = false;
    append(tokens);
    if (chooser_.all_done()) {
        n_steps_ = step_;
    }
    return tokens;
}

void generation::finish_rows(const std::vector<uint8_t> & rows) {
    if (static_cast<int64_t>(rows.size()) != n_rows_) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, format("there are %d rows to finish, not %zu", n_rows_, rows.size()));
    }
    chooser_.finish(rows);
    if (chooser_.all_done() && !waiting_) {
        n_steps_ = step_;
    }
}

work_progress generation::advance(int64_t max_frames, forward_network * network, work_stats & stats) {
    int64_t done = 0;
    while (done < max_frames && step_ < n_steps_ && !waiting_) {
        // Step s reads frame s - 1.
        const int64_t n_wanted  = plain_ ? n_to_decode() : 1;
        const bool    has_codes = encoded_ >= std::min(step_ + n_wanted - 1, n_codes_);
        if (!has_codes) {
            done += encode_some(stats);
        } else {
            done += plain_ ? decode_some(stats) : decode_one(network, stats);
        }
    }
    return progress();
}

work_progress generation::progress() const {
    const int64_t done = encoded_ * batch_.n_rows + step_ * n_rows_;
    return { done, step_ == n_steps_ ? done : n_codes_ * batch_.n_rows + n_steps_ * n_rows_ };
}

std::vector<int32_t> generation::tokens() const {
    if (!progress().finished()) {
        throw error(KSTT_STATUS_INVALID_STATE, "the generation is not finished; call advance until it is");
    }
    std::vector<int32_t> result;
    for (int64_t row = 0; row < n_rows_; row++) {
        const auto from = tokens_.begin() + row * (1 + n_limit_);
        result.insert(result.end(), from, from + n_tokens());
    }
    return result;
}

void generation::check_waiting() const {
    if (!waiting_) {
        throw error(KSTT_STATUS_INVALID_STATE, "no step waits for its choice; call advance first");
    }
}

const std::vector<float> & generation::logits() const {
    if (chooser_.logits().empty()) {
        throw error(KSTT_STATUS_INVALID_STATE, "no step has kept its logits yet");
    }
    return chooser_.logits();
}

const std::vector<float> & generation::scores() const {
    if (chooser_.scores().empty()) {
        throw error(KSTT_STATUS_INVALID_STATE, "no step has kept its scores yet");
    }
    return chooser_.scores();
}

void generation::set_scores(std::vector<float> scores) {
    check_waiting();
    if (scores.size() != chooser_.scores().size()) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    format("there are %zu scores, not %zu", chooser_.scores().size(), scores.size()));
    }
    if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); })) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "scores must be numbers, or -infinity for what may not come");
    }
    chooser_.scores() = std::move(scores);
}

const forward_pass & generation::last_step() const {
    if (pass_ == nullptr) {
        throw error(KSTT_STATUS_INVALID_STATE, "this generation records nothing, or no step is done yet");
    }
    return *pass_;
}

std::shared_ptr<decoder_cache> generation::cache() const {
    if (cache_ == nullptr) {
        throw error(KSTT_STATUS_INVALID_STATE, "this generation records nothing");
    }
    return cache_;
}

}  // namespace kstt
