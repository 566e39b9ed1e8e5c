#include "model/seanet-stack.h"

#include "runtime/error.h"

namespace kstt {

seanet_stack::seanet_stack(const std::vector<seanet_layer> & layers, state_layout & layout) : layers_(layers) {
    for (const seanet_layer & layer : layers) {
        layer_state entry;
        entry.conv = declare_conv1d_state(layout, layer.name, layer.conv.shape);
        if (layer.is_residual) {
            entry.pointwise = declare_conv1d_state(layout, layer.name + ".pointwise", layer.pointwise.shape);
        }
        states_.push_back(entry);
    }
}

ggml_tensor * seanet_stack::build(
    graph_scope & g, const state_arena & state, const stream_rows & rows, ggml_tensor * x, bool pad_right) const {
    for (size_t i = 0; i < layers_.size(); i++) {
        const seanet_layer & layer = layers_[i];
        conv1d_options       options;
        options.pad_right = pad_right;
        options.elu       = layer.is_residual || layer.elu_first;
        if (!layer.is_residual) {
            x = build_streaming_conv1d(g, layer.conv, state, states_[i].conv, rows, x, options);
            x = unfold_columns(g, x, layer.unfold);
        } else {
            ggml_tensor * shortcut = x;
            if (layer.shortcut) {
                shortcut = build_streaming_conv1d(g, *layer.shortcut, state, -1, rows, x);
            }
            ggml_tensor * h = build_streaming_conv1d(g, layer.conv, state, states_[i].conv, rows, x, options);
            g.name(h, layer.name + ".block.1");
            options.residual = shortcut;
            x = build_streaming_conv1d(g, layer.pointwise, state, states_[i].pointwise, rows, h, options);
        }
        g.name(x, layer.name);
    }
    return x;
}

ggml_tensor * unfold_columns(graph_scope & g, ggml_tensor * x, int64_t unfold) {
    if (unfold == 1) {
        return x;
    }
    KSTT_CHECK(x->ne[0] % unfold == 0 && ggml_is_contiguous(x));
    return ggml_reshape_3d(g.context(), x, x->ne[0] / unfold, x->ne[1] * unfold, x->ne[2]);
}

}  // namespace kstt
