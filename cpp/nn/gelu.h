// Exact GELU: x * (1 + erf(x / sqrt 2)) / 2.
#pragma once

#include "nn/graph-scope.h"

namespace kstt {

ggml_tensor * build_gelu(graph_scope & g, ggml_tensor * x);

}  // namespace kstt
