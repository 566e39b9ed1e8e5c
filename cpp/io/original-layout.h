// Checkpoints in Kyutai's own spelling: the PyTorch and candle repositories, MLX's, and the GGUF files of moshi.cpp.
#pragma once

#include "io/model-source.h"

#include <string>

namespace kstt {

// `folder` holds a config.json in that spelling, `config`. `weights`: name of the decoder's file in it; empty: as
// config.json says. Throws as open_model.
model_source open_original(const std::string &    folder,
                           const json_value &     config,
                           const std::string &    weights,
                           const source_options & options);

}  // namespace kstt
