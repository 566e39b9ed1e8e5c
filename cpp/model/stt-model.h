// A loaded checkpoint: hyper-parameters, weights, vocabulary. Immutable after load; shared by all streams.
#pragma once

#include "model/decoder-weights.h"
#include "model/mimi-weights.h"
#include "text/piece-decoder.h"

#include <memory>
#include <string>

namespace kstt {

struct stt_model {
    model_config                  config;
    std::unique_ptr<weight_store> store;
    mimi_weights                  mimi;
    decoder_weights               decoder;
    piece_decoder                 pieces;

    // `folder`: a checkpoint in the transformers layout. Throws kstt::error.
    static std::unique_ptr<stt_model> load(const std::string & folder, const compute_backend & backend);
};

}  // namespace kstt
