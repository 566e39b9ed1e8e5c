// A graph of fixed shape with its memory: built once, run many times.
#pragma once

#include "nn/graph-scope.h"
#include "runtime/device.h"

#include <ggml-alloc.h>

namespace kstt {

class graph_runner {
  public:
    graph_runner(compute_backend & backend, size_t n_nodes, bool capture);
    ~graph_runner();
    graph_runner(const graph_runner &)             = delete;
    graph_runner & operator=(const graph_runner &) = delete;

    // Build into this, then reserve(), then set the inputs' data and run().
    graph_scope & scope() { return scope_; }

    void reserve();
    void run();

  private:
    compute_backend & backend_;
    graph_scope       scope_;
    ggml_gallocr_t    allocator_ = nullptr;
};

}  // namespace kstt
