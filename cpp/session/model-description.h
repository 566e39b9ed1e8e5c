// What a checkpoint is, as one JSON document; kstt-model.h lists its members.
#pragma once

#include "io/model-source.h"

#include <string>

namespace kstt {

// Opens the checkpoint; throws what open_model throws.
std::string describe_model(const std::string & path, const source_options & options);

}  // namespace kstt
