#include "nn/graph-scope.h"

#include "runtime/error.h"

namespace kstt {

graph_scope::graph_scope(size_t n_nodes, thread_pool & pool, bool capture) : pool_(pool), capture_(capture) {
    ggml_init_params params = {};
    params.mem_size         = n_nodes * ggml_tensor_overhead() + ggml_graph_overhead_custom(n_nodes, false);
    params.no_alloc         = true;
    context_                = ggml_init(params);
    if (context_ == nullptr) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, "not enough memory for a graph");
    }
    graph_ = ggml_new_graph_custom(context_, n_nodes, false);
}

graph_scope::~graph_scope() {
    ggml_free(context_);
}

ggml_tensor * graph_scope::input(ggml_type type, const char * text, int64_t ne0, int64_t ne1, int64_t ne2) {
    ggml_tensor * tensor = ggml_new_tensor_3d(context_, type, ne0, ne1, ne2);
    ggml_set_name(tensor, text);
    ggml_set_input(tensor);
    return tensor;
}

ggml_tensor * graph_scope::name(ggml_tensor * tensor, const std::string & text) {
    ggml_set_name(tensor, text.c_str());
    if (capture_) {
        ggml_set_output(tensor);
        named_.push_back(tensor);
    }
    return tensor;
}

ggml_tensor * graph_scope::output(ggml_tensor * tensor) {
    ggml_set_output(tensor);
    ggml_build_forward_expand(graph_, tensor);
    return tensor;
}

std::shared_ptr<std::vector<char>> graph_scope::scratch(size_t n_bytes) {
    if (scratch_->size() < n_bytes) {
        scratch_->resize(n_bytes);
    }
    return scratch_;
}

}  // namespace kstt
