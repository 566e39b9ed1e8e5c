// Sum of table rows: the decoder's input is one text row plus one row per audio stream.
#pragma once

#include "nn/graph-scope.h"

namespace kstt {

// table [hidden, n_rows_of_table] of any type; ids I32 [n_ids, n_sums], all inside the table -> F32 [hidden, n_sums]
ggml_tensor * build_embedding_sum(graph_scope & g, ggml_tensor * table, ggml_tensor * ids);

}  // namespace kstt
