// RMSNorm and LayerNorm over ne[0], sums in f64.
#pragma once

#include "nn/graph-scope.h"

namespace kstt {

// x [n, columns, rows]; weight F32 [n]; bias F32 [n]: LayerNorm (mean removed, biased variance); nullptr: RMSNorm.
ggml_tensor * build_norm(graph_scope & g, ggml_tensor * x, ggml_tensor * weight, ggml_tensor * bias, float eps);

}  // namespace kstt
