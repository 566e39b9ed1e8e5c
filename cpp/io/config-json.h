// The inverse of read_model_config: a configuration as the JSON it could have been read from.
#pragma once

#include "io/model-config.h"

#include <nlohmann/json.hpp>

namespace kstt {

// Keys of config.json (with codec_config as an object), and feature_extractor with those of
// preprocessor_config.json. Every field of model_config is there; parse_model_config gives the same values back.
nlohmann::json config_to_json(const model_config & config);

}  // namespace kstt
