// A loaded checkpoint: hyper-parameters, weights, vocabulary. Immutable after load; shared by all streams.
#pragma once

#include "io/model-source.h"
#include "model/decoder-weights.h"
#include "model/mimi-weights.h"
#include "text/piece-decoder.h"

#include <functional>
#include <memory>
#include <string>

namespace kstt {

struct stt_model {
    std::string                                        layout;  // see model_source
    model_config                                       config;
    std::unique_ptr<weight_store>                      store;
    mimi_weights                                       mimi;
    decoder_weights                                    decoder;
    piece_decoder                                      pieces;
    // See model_source; never empty.
    std::function<std::shared_ptr<const checkpoint>()> open_codec_decoder;

    // Takes the source over. packed: see weight_store. Throws kstt::error.
    static std::unique_ptr<stt_model> load(model_source source, const compute_backend & backend, bool packed = true);
};

}  // namespace kstt
