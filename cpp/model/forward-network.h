// The decoder over many positions with known inputs: graphs without state of their own, for whoever brings a cache. The
// numbers are those of text_decoder, bit for bit.
#pragma once

#include "model/decoder-cache.h"
#include "nn/graph-runner.h"
#include "nn/rope.h"

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace kstt {

// The same number of columns for every row.
struct forward_chunk {
    int64_t         n_rows     = 0;
    int64_t         n_columns  = 0;
    int64_t         n_streams  = 0;        // of ids: 1 + num_codebooks, or 1: text alone
    const int32_t * ids        = nullptr;  // rows of the embedding table, row r's at r * row_stride [column][stream]
    const float *   embeds     = nullptr;  // instead of ids: row r's at r * row_stride [column][hidden]
    int64_t         row_stride = 0;
    const int64_t * positions  = nullptr;  // for rotation: row r's at r * position_stride [column]
    int64_t         position_stride = 0;
    bool            hidden_states   = false;  // keep what each layer gets
};

class forward_network {
  public:
    forward_network(const decoder_weights & weights, compute_backend & backend);
    ~forward_network();

    // Runs the layers; span says what is attended over, and its cache memory receives the new keys and values.
    void run(const forward_chunk & chunk, attention_span & span);

    // Of the last run, F32 [row][column][hidden]: layer i's input for i < n_layers (with chunk.hidden_states), and
    // behind them the final norm's output.
    const float * hidden_state(int64_t i) const;

    // x [n][hidden], outputs of the final norm -> out [n][output_vocab_size].
    void logits(const float * x, int64_t n, float * out);

    const decoder_weights & weights() const { return weights_; }

    int32_t n_threads() const { return backend_.n_threads(); }

  private:
    struct layers_graph;
    struct head_graph;
    using graph_key = std::tuple<int64_t, int64_t, int64_t, bool>;  // columns, rows, streams (0: embeds), hidden states

    layers_graph & graph_for(const forward_chunk & chunk);
    head_graph &   head_for(int64_t n);
    void           build(layers_graph & graph, const forward_chunk & chunk);
    void           fill(layers_graph & graph, const forward_chunk & chunk);

    const decoder_weights &                            weights_;
    compute_backend &                                  backend_;
    rope_table                                         rope_;
    attention_span                                     span_;  // the nodes' own; each run copies the caller's into it
    std::map<graph_key, std::unique_ptr<layers_graph>> graphs_;
    std::map<int64_t, std::unique_ptr<head_graph>>     heads_;  // by columns
    layers_graph *                                     last_ = nullptr;
};

}  // namespace kstt
