#include "nn/state-layout.h"

#include "runtime/byte-archive.h"
#include "runtime/error.h"

#include <ggml-alloc.h>

#include <algorithm>
#include <cstring>

namespace kstt {

int32_t state_layout::declare(std::string name, ggml_type type, int64_t ne0, int64_t ne1, bool clear_on_reset) {
    entries_.push_back({ std::move(name), type, ne0, ne1, clear_on_reset });
    return static_cast<int32_t>(entries_.size()) - 1;
}

state_arena::state_arena(const state_layout & layout, int32_t n_slots, ggml_backend_buffer_type_t buffer_type)
    : layout_(layout), n_slots_(n_slots) {
    ggml_init_params params = {};
    params.mem_size         = (layout_.entries().size() + 1) * ggml_tensor_overhead();
    params.no_alloc         = true;
    context_                = ggml_init(params);
    for (const state_entry & entry : layout_.entries()) {
        ggml_tensor * tensor = ggml_new_tensor_3d(context_, entry.type, entry.ne0, entry.ne1, n_slots);
        ggml_set_name(tensor, entry.name.c_str());
        tensors_.push_back(tensor);
    }
    if (tensors_.empty()) {
        return;
    }
    buffer_ = ggml_backend_alloc_ctx_tensors_from_buft(context_, buffer_type);
    if (buffer_ == nullptr) {
        ggml_free(context_);
        throw error(KSTT_STATUS_OUT_OF_MEMORY, format("not enough memory for the state of %d slots", n_slots));
    }
    for (int32_t slot = 0; slot < n_slots; slot++) {
        reset(slot);
    }
}

state_arena::~state_arena() {
    ggml_backend_buffer_free(buffer_);
    ggml_free(context_);
}

size_t state_arena::n_bytes() const {
    return buffer_ != nullptr ? ggml_backend_buffer_get_size(buffer_) : 0;
}

void state_arena::reset(int32_t slot) {
    KSTT_CHECK(slot >= 0 && slot < n_slots_);
    for (size_t i = 0; i < tensors_.size(); i++) {
        if (layout_.entries()[i].clear_on_reset) {
            ggml_tensor * tensor = tensors_[i];
            ggml_backend_tensor_memset(tensor, 0, static_cast<size_t>(slot) * tensor->nb[2], tensor->nb[2]);
        }
    }
}

size_t state_arena::bytes_to_copy(size_t index, int64_t n_ring_rows) const {
    const ggml_tensor * tensor = tensors_[index];
    const int64_t       n_rows = layout_.entries()[index].clear_on_reset ? tensor->ne[1] : n_ring_rows;
    return static_cast<size_t>(std::min(n_rows, tensor->ne[1])) * tensor->nb[1];
}

void state_arena::save(int32_t slot, int64_t n_ring_rows, byte_writer & out) const {
    KSTT_CHECK(slot >= 0 && slot < n_slots_ && n_ring_rows >= 0);
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < tensors_.size(); i++) {
        bytes.resize(bytes_to_copy(i, n_ring_rows));
        ggml_backend_tensor_get(
            tensors_[i], bytes.data(), static_cast<size_t>(slot) * tensors_[i]->nb[2], bytes.size());
        out.raw(bytes.data(), bytes.size());
    }
}

void state_arena::load(int32_t slot, int64_t n_ring_rows, byte_reader & in) {
    KSTT_CHECK(slot >= 0 && slot < n_slots_ && n_ring_rows >= 0);
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < tensors_.size(); i++) {
        bytes.resize(bytes_to_copy(i, n_ring_rows));
        in.raw(bytes.data(), bytes.size());
        ggml_backend_tensor_set(
            tensors_[i], bytes.data(), static_cast<size_t>(slot) * tensors_[i]->nb[2], bytes.size());
    }
}

}  // namespace kstt
