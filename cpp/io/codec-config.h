// The codec_config part of config.json.
#pragma once

#include "io/json-file.h"
#include "io/model-config.h"

namespace kstt {

// From the whole document: an absent or null codec_config means the class defaults of Mimi.
codec_config read_codec_config(const json_value & root);

}  // namespace kstt
