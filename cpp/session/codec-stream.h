// What transformers' MimiModel hands from call to call: the key-value cache and the convolutions' contexts of a batch
// that goes through one half of the codec piece by piece.
#pragma once

#include "model/codec-network.h"
#include "model/mimi-decoder.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace kstt {

class codec_stream {
  public:
    // Exactly one of the two, with n_rows slots.
    codec_stream(std::unique_ptr<codec_network> encoder, std::unique_ptr<mimi_decoder> decoder, int32_t n_rows);

    // Throw INVALID_ARGUMENT for a stream of the other half.
    codec_network & encoder();
    mimi_decoder &  decoder();

    int32_t n_rows() const { return n_rows_; }

    // Columns that the transformer has seen in whole pieces.
    int64_t n_columns() const { return n_columns_; }

    // One of the two caches begins anew for all rows. Throw INVALID_STATE while a piece is under way.
    void restart_attention();
    void restart_convolutions();

    // A piece of work takes the stream and gives it back when it is finished. One that is given up half way leaves the
    // stream taken: its state is then that of no whole call. Throws INVALID_STATE.
    void take();
    void give_back();

  private:
    std::unique_ptr<codec_network> encoder_;
    std::unique_ptr<mimi_decoder>  decoder_;
    int32_t                        n_rows_;
    // Pieces are worked on by other threads than those that ask.
    std::atomic<bool>              taken_{ false };
    std::atomic<int64_t>           n_columns_{ 0 };
};

}  // namespace kstt
