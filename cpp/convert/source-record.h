// Where a converted file came from.
#pragma once

#include "io/gguf-model.h"
#include "io/model-source.h"

#include <string>

namespace kstt {

// Names and sizes of the files, and their sha256 where the Hub's cache tells it (a link to blobs/<sha256>).
source_record record_source(const std::string & path, const model_source & source);

}  // namespace kstt
