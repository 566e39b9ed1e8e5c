// What every nn unit builds into: one ggml graph of fixed shape, with the parameters of its custom operations.
//
// Activations are channels-first in ggml's order: ne[0] = channels, ne[1] = columns (time), ne[2] = rows (slots).
#pragma once

#include "runtime/thread-pool.h"

#include <ggml.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

class graph_scope {
  public:
    // capture: named nodes keep their memory, so that their values can be read after the run.
    // n_nodes: an upper bound of the graph's nodes and leaves.
    graph_scope(size_t n_nodes, thread_pool & pool, bool capture);
    ~graph_scope();
    graph_scope(const graph_scope &)             = delete;
    graph_scope & operator=(const graph_scope &) = delete;

    ggml_context * context() const { return context_; }

    ggml_cgraph * graph() const { return graph_; }

    // Shares out the heavy operations; each keeps a pointer to it in its parameters.
    thread_pool * pool() const { return &pool_; }

    // A tensor that the caller fills before each run.
    ggml_tensor * input(ggml_type type, const char * name, int64_t ne0, int64_t ne1 = 1, int64_t ne2 = 1);

    // Names a node as the parity fixtures do, e.g. "decoder.layers.3.out".
    ggml_tensor * name(ggml_tensor * tensor, const std::string & text);

    // Marks a result: it keeps its memory and is computed even if nothing else needs it.
    ggml_tensor * output(ggml_tensor * tensor);

    // A custom operation with a fresh result; it runs on the calling thread (ith = 0, nth = 1) and uses pool() for its
    // heavy parts. `params` lives as long as this scope.
    template <typename P>
    ggml_tensor * custom(std::vector<ggml_tensor *> args,
                         ggml_custom_op_t           function,
                         P                          params,
                         ggml_type                  type,
                         int64_t                    ne0,
                         int64_t                    ne1 = 1,
                         int64_t                    ne2 = 1) {
        return ggml_custom_4d(context_,
                              type,
                              ne0,
                              ne1,
                              ne2,
                              1,
                              args.data(),
                              static_cast<int>(args.size()),
                              function,
                              1,
                              keep(std::move(params)));
    }

    // As custom, but the result is `target` itself, changed in place.
    template <typename P>
    ggml_tensor * custom_in_place(ggml_tensor *              target,
                                  std::vector<ggml_tensor *> args,
                                  ggml_custom_op_t           function,
                                  P                          params) {
        return ggml_custom_inplace(
            context_, target, args.data(), static_cast<int>(args.size()), function, 1, keep(std::move(params)));
    }

    // Memory that nodes use while they compute, one after the other: nothing stays in it from one node to the next. At
    // least n_bytes; all callers of one scope get the same.
    std::shared_ptr<std::vector<char>> scratch(size_t n_bytes);

    const std::vector<ggml_tensor *> & named() const { return named_; }

  private:
    template <typename P>
    void * keep(P params) {
        auto   owned = std::make_shared<P>(std::move(params));
        void * raw   = owned.get();
        params_.push_back(std::move(owned));
        return raw;
    }

    ggml_context *                     context_ = nullptr;
    ggml_cgraph *                      graph_   = nullptr;
    thread_pool &                      pool_;
    bool                               capture_;
    std::vector<std::shared_ptr<void>> params_;
    std::vector<ggml_tensor *>         named_;
    std::shared_ptr<std::vector<char>> scratch_ = std::make_shared<std::vector<char>>();
};

// The share of n items that part i of n_parts takes: [begin, end).
struct work_range {
    int64_t begin;
    int64_t end;
};

inline work_range share_work(int64_t n, int64_t i, int64_t n_parts) {
    return { n * i / n_parts, n * (i + 1) / n_parts };
}

}  // namespace kstt
