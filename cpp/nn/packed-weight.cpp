#include "nn/packed-weight.h"

#include "runtime/error.h"

namespace kstt {

namespace {

// Its address is the mark: ggml leaves `extra` to whoever provides the data.
const char packed_mark = 0;

}  // namespace

bool has_packed_layout(ggml_type type) {
    return type == GGML_TYPE_Q8_0 || type == GGML_TYPE_Q4_0 || type == GGML_TYPE_Q4_K;
}

weight_kind kind_of(ggml_type type) {
    switch (type) {
    case GGML_TYPE_F32:
        return weight_kind::f32;
    case GGML_TYPE_F16:
        return weight_kind::f16;
    case GGML_TYPE_BF16:
        return weight_kind::bf16;
    case GGML_TYPE_Q8_0:
        return weight_kind::q8_0;
    case GGML_TYPE_Q4_0:
        return weight_kind::q4_0;
    case GGML_TYPE_Q4_K:
        return weight_kind::q4_k;
    default:
        throw error(KSTT_STATUS_INTERNAL, format("no kernels for weights of type %s", ggml_type_name(type)));
    }
}

void mark_packed(ggml_tensor * tensor) {
    KSTT_CHECK(has_packed_layout(tensor->type));
    tensor->extra = const_cast<char *>(&packed_mark);
}

bool is_packed(const ggml_tensor * tensor) {
    return tensor->extra == &packed_mark;
}

}  // namespace kstt
