#include "session/forward-pass.h"

#include "runtime/error.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace kstt {

namespace {

// Columns per graph over all rows: enough for the products to be bound by arithmetic, activations of a few megabytes.
constexpr int64_t columns_per_run = 64;

// Head outputs computed at a time.
constexpr int64_t logits_per_run = 64;

void require(bool condition, const std::string & message) {
    if (!condition) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, message);
    }
}

long long wide(int64_t value) {
    return static_cast<long long>(value);
}

}  // namespace

forward_pass::forward_pass(const decoder_weights & weights, forward_inputs inputs, std::shared_ptr<decoder_cache> cache)
    : weights_(weights), inputs_(std::move(inputs)) {
    if (cache != nullptr) {
        require(
            cache->n_rows() == inputs_.n_rows,
            format("the cache holds %lld rows, but the input has %lld", wide(cache->n_rows()), wide(inputs_.n_rows)));
    } else {
        cache = std::make_shared<decoder_cache>(weights_, inputs_.n_rows, 0);
    }
    cache->lend();
    cache_ = std::move(cache);
    try {
        check_inputs();
        check_labels();
        find_rows();
        cache_->reserve(inputs_.n_positions);
        prepare_span();
    } catch (...) {
        cache_->give_back();
        throw;
    }
}

forward_pass::~forward_pass() {
    if (cache_ != nullptr) {
        cache_->give_back();
    }
}

int64_t forward_pass::n_kept() const {
    return inputs_.logits_of_all ? inputs_.n_positions : static_cast<int64_t>(inputs_.keep.size());
}

void forward_pass::check_inputs() const {
    const int64_t n_columns = inputs_.n_rows * inputs_.n_positions;
    const int64_t places    = cache_->n_seen() + inputs_.n_positions;
    const int64_t keys      = cache_->n_stored() + inputs_.n_positions;
    const auto    count     = [](const auto & values) { return static_cast<int64_t>(values.size()); };
    require(inputs_.ids.empty() != inputs_.embeds.empty(), "either ids or embeds must be given, and not both");
    require(inputs_.ids.empty() || inputs_.n_streams == 1 || inputs_.n_streams == 1 + weights_.config.num_codebooks,
            format("an id has %lld streams; this model reads 1 (text) or %d (text and codebooks)",
                   wide(inputs_.n_streams),
                   1 + weights_.config.num_codebooks));
    require(inputs_.ids.empty() || count(inputs_.ids) == n_columns * inputs_.n_streams, "ids have another shape");
    require(inputs_.embeds.empty() || count(inputs_.embeds) == n_columns * weights_.config.hidden_size,
            "embeds have another shape");
    require(inputs_.positions.empty() || count(inputs_.positions) == n_columns, "positions have another shape");
    require(inputs_.mask.empty() || count(inputs_.mask) == inputs_.n_rows * places,
            format("the attention mask must cover the %lld positions that the cache has seen and the %lld new ones",
                   wide(cache_->n_seen()),
                   wide(inputs_.n_positions)));
    require(inputs_.mask.empty() || inputs_.bias.empty(), "a mask and a bias cannot be given together");
    require(inputs_.bias.empty() ||
                ((inputs_.bias_rows == 1 || inputs_.bias_rows == inputs_.n_rows) &&
                 (inputs_.bias_heads == 1 || inputs_.bias_heads == weights_.config.num_attention_heads) &&
                 count(inputs_.bias) == inputs_.bias_rows * inputs_.bias_heads * inputs_.n_positions * keys),
            format("a bias of attention must have the shape [1 or rows][1 or heads][%lld][%lld]",
                   wide(inputs_.n_positions),
                   wide(keys)));
    for (const float value : inputs_.embeds) {
        require(std::isfinite(value), "embeds must hold finite numbers");
    }
    for (const float value : inputs_.bias) {
        require(!(std::isnan(value) || value == std::numeric_limits<float>::infinity()),
                "a bias of attention must hold numbers or -infinity");
    }
    for (const int32_t position : inputs_.keep) {
        require(position >= 0 && position < inputs_.n_positions,
                format("logits of position %d are wanted, but there are %lld", position, wide(inputs_.n_positions)));
    }
}

void forward_pass::check_labels() const {
    if (inputs_.labels.empty()) {
        return;
    }
    require(static_cast<int64_t>(inputs_.labels.size()) == inputs_.n_rows * n_kept(),
            format("labels must have one entry per row and logit, %lld x %lld", wide(inputs_.n_rows), wide(n_kept())));
    for (const int32_t label : inputs_.labels) {
        require(label == inputs_.ignore_index || (label >= 0 && label < weights_.config.output_vocab_size),
                format("label %d is neither a token of this model, 0 to %d, nor the ignored one, %d",
                       label,
                       weights_.config.output_vocab_size - 1,
                       inputs_.ignore_index));
    }
}

// Ids become rows of the embedding table, which checks them.
void forward_pass::find_rows() {
    for (size_t i = 0; i < inputs_.ids.size(); i++) {
        inputs_.ids[i] = embedding_row(weights_, static_cast<int64_t>(i) % inputs_.n_streams, inputs_.ids[i]);
    }
    if (inputs_.positions.empty()) {
        for (int64_t i = 0; i < inputs_.n_rows * inputs_.n_positions; i++) {
            inputs_.positions.push_back(cache_->n_seen() + i % inputs_.n_positions);
        }
    } else if (inputs_.packed) {
        find_sequences();
    }
}

// As transformers' find_packed_sequence_indices: where positions do not follow each other, another sequence begins.
void forward_pass::find_sequences() {
    bool any = false;
    for (int64_t row = 0; row < inputs_.n_rows; row++) {
        const int64_t * positions = inputs_.positions.data() + row * inputs_.n_positions;
        int32_t         sequence  = 0;
        for (int64_t i = 0; i < inputs_.n_positions; i++) {
            sequence += i > 0 && positions[i] != positions[i - 1] + 1 ? 1 : 0;
            sequences_.push_back(sequence);
        }
        any = any || sequence > 0;
    }
    if (!any) {
        sequences_.clear();
    }
}

void forward_pass::prepare_span() {
    span_.layers      = cache_->memory();
    span_.n_rows      = inputs_.n_rows;
    span_.first_query = cache_->n_seen();
    span_.n_queries   = inputs_.n_positions;
    span_.first_key   = cache_->first_stored();
    span_.n_keys      = cache_->n_stored() + inputs_.n_positions;
    if (!inputs_.mask.empty()) {
        const int64_t places = cache_->n_seen() + inputs_.n_positions;
        for (int64_t row = 0; row < inputs_.n_rows; row++) {
            const auto begin = inputs_.mask.begin() + row * places;
            mask_.insert(mask_.end(), begin + span_.first_key, begin + places);
        }
        span_.mask = mask_.data();
    }
    span_.sequences  = sequences_.empty() ? nullptr : sequences_.data();
    span_.bias       = inputs_.bias.empty() ? nullptr : inputs_.bias.data();
    span_.bias_rows  = inputs_.bias_rows;
    span_.bias_heads = inputs_.bias_heads;

    const auto n_layers = weights_.blocks.size();
    const auto columns  = static_cast<size_t>(inputs_.n_rows * inputs_.n_positions);
    hidden_.resize(n_layers + 1);
    for (size_t i = inputs_.hidden_states ? 0 : n_layers; i <= n_layers; i++) {
        hidden_[i].resize(columns * static_cast<size_t>(weights_.config.hidden_size));
    }
    if (inputs_.attentions) {
        attentions_.resize(n_layers);
        for (std::vector<float> & weights : attentions_) {
            weights.resize(columns * static_cast<size_t>(weights_.config.num_attention_heads * span_.n_keys));
            span_.weights.push_back(weights.data());
        }
    }
}

work_progress forward_pass::advance(forward_network & network, int64_t max_positions, work_stats & stats) {
    const stopwatch watch;
    const int64_t   n_rows = inputs_.n_rows;
    const int64_t   hidden = weights_.config.hidden_size;
    // With a bias, later positions may be visible: all of them are written before any is read.
    const int64_t   most = inputs_.bias.empty() ? std::max<int64_t>(1, columns_per_run / n_rows) : inputs_.n_positions;
    for (int64_t done = 0; done < max_positions && done_ < inputs_.n_positions;) {
        forward_chunk chunk;
        chunk.n_rows    = n_rows;
        chunk.n_columns = std::min(most, inputs_.n_positions - done_);
        if (!inputs_.ids.empty()) {
            chunk.n_streams  = inputs_.n_streams;
            chunk.ids        = inputs_.ids.data() + done_ * inputs_.n_streams;
            chunk.row_stride = inputs_.n_positions * inputs_.n_streams;
        } else {
            chunk.embeds     = inputs_.embeds.data() + done_ * hidden;
            chunk.row_stride = inputs_.n_positions * hidden;
        }
        chunk.positions       = inputs_.positions.data() + done_;
        chunk.position_stride = inputs_.n_positions;
        chunk.hidden_states   = inputs_.hidden_states;
        span_.first_place     = span_.first_query + done_;
        network.run(chunk, span_);
        for (int64_t i = inputs_.hidden_states ? 0 : n_layers(); i <= n_layers(); i++) {
            const float * from = network.hidden_state(i);
            float *       to   = hidden_[static_cast<size_t>(i)].data();
            for (int64_t row = 0; row < n_rows; row++) {
                std::copy_n(from + row * chunk.n_columns * hidden,
                            chunk.n_columns * hidden,
                            to + (row * inputs_.n_positions + done_) * hidden);
            }
        }
        done_ += chunk.n_columns;
        done += chunk.n_columns * n_rows;
        stats.decoder_steps++;
        stats.decoder_frames += chunk.n_columns * n_rows;
    }
    if (done_ == inputs_.n_positions && !finished_) {
        finish(network);
    }
    stats.decoder_ns += watch.elapsed_ns();
    return progress();
}

void forward_pass::finish(forward_network & network) {
    const int64_t      hidden = weights_.config.hidden_size;
    const int64_t      vocab  = weights_.config.output_vocab_size;
    const int64_t      n      = inputs_.want_logits ? inputs_.n_rows * n_kept() : 0;
    std::vector<float> x(static_cast<size_t>(n * hidden));
    for (int64_t i = 0; i < n; i++) {
        const int64_t kept     = i % n_kept();
        const int64_t position = inputs_.logits_of_all ? kept : inputs_.keep[static_cast<size_t>(kept)];
        const auto    from     = hidden_.back().begin() + (i / n_kept() * inputs_.n_positions + position) * hidden;
        std::copy_n(from, hidden, x.begin() + i * hidden);
    }
    logits_.resize(static_cast<size_t>(n * vocab));
    for (int64_t i = 0; i < n; i += logits_per_run) {
        network.logits(x.data() + i * hidden, std::min(logits_per_run, n - i), logits_.data() + i * vocab);
    }
    compute_loss();
    cache_->commit(inputs_.n_positions);
    cache_->give_back();
    cache_    = nullptr;
    finished_ = true;
}

// Mean over the labels of -log softmax, as transformers' ForCausalLMLoss.
void forward_pass::compute_loss() {
    if (inputs_.labels.empty()) {
        return;
    }
    const int64_t vocab = weights_.config.output_vocab_size;
    const int64_t kept  = n_kept();
    double        sum   = 0.0;
    int64_t       count = 0;
    for (int64_t i = 0; i < inputs_.n_rows * kept; i++) {
        const int64_t at = inputs_.labels_shifted ? i : i + 1;
        if (!inputs_.labels_shifted && i % kept == kept - 1) {
            continue;  // the last position has no answer
        }
        const int32_t label = inputs_.labels[static_cast<size_t>(at)];
        if (label == inputs_.ignore_index) {
            continue;
        }
        const float * logits = logits_.data() + i * vocab;
        const double  high   = *std::max_element(logits, logits + vocab);
        double        total  = 0.0;
        for (int64_t token = 0; token < vocab; token++) {
            total += std::exp(static_cast<double>(logits[token]) - high);
        }
        sum += std::log(total) + high - static_cast<double>(logits[label]);
        count++;
    }
    loss_ = sum / (inputs_.loss_items > 0.0 ? inputs_.loss_items : static_cast<double>(count));
}

work_progress forward_pass::progress() const {
    return { done_ * inputs_.n_rows, inputs_.n_positions * inputs_.n_rows };
}

void forward_pass::check_finished() const {
    if (!finished_) {
        throw error(KSTT_STATUS_INVALID_STATE, "the forward pass is not finished; call advance until it is");
    }
}

const std::vector<float> & forward_pass::logits() const {
    check_finished();
    require(inputs_.want_logits, "this pass computes no logits");
    return logits_;
}

const std::vector<float> & forward_pass::hidden_state(int64_t i) const {
    check_finished();
    require(i >= 0 && i <= n_layers(), format("hidden states are numbered from 0 to %lld", wide(n_layers())));
    require(inputs_.hidden_states || i == n_layers(), "this pass keeps the last hidden state alone");
    return hidden_[static_cast<size_t>(i)];
}

const std::vector<float> & forward_pass::attention(int64_t layer) const {
    check_finished();
    require(layer >= 0 && layer < n_layers(), format("layers are numbered from 0 to %lld", wide(n_layers() - 1)));
    require(inputs_.attentions, "this pass keeps no attention weights");
    return attentions_[static_cast<size_t>(layer)];
}

double forward_pass::loss() const {
    check_finished();
    require(!inputs_.labels.empty(), "this pass has no labels");
    return loss_;
}

}  // namespace kstt
