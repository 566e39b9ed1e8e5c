#include "nn/graph-runner.h"

#include "runtime/error.h"

namespace kstt {

graph_runner::graph_runner(compute_backend & backend, size_t n_nodes, bool capture)
    : backend_(backend), scope_(n_nodes, backend.pool(), capture) {}

graph_runner::~graph_runner() {
    if (allocator_ != nullptr) {
        ggml_gallocr_free(allocator_);
    }
}

void graph_runner::reserve() {
    allocator_ = ggml_gallocr_new(backend_.buffer_type());
    if (allocator_ == nullptr || !ggml_gallocr_alloc_graph(allocator_, scope_.graph())) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, "not enough memory for the activations of a graph");
    }
}

void graph_runner::run() {
    backend_.compute(scope_.graph());
}

}  // namespace kstt
