// Matrices in the layout of kernels/packed-weights.h as ggml tensors: type, ne and name are those of the plain matrix,
// the bytes are not, so only build_linear may read them.
#pragma once

#include "kernels/kernels.h"

#include <ggml.h>

namespace kstt {

// Whether a type has a packed layout.
bool has_packed_layout(ggml_type type);

// The kernel's kind of f32, f16, bf16 and the types with a packed layout.
weight_kind kind_of(ggml_type type);

// Marks a tensor whose data are packed.
void mark_packed(ggml_tensor * tensor);
bool is_packed(const ggml_tensor * tensor);

}  // namespace kstt
