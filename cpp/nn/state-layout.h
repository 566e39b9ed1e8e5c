// Every streaming state tensor, declared once: name, type, shape per slot. Reset, copy and (later) snapshots walk the
// layout; nobody lists tensors by hand.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

class byte_reader;
class byte_writer;

struct state_entry {
    std::string name;
    ggml_type   type;
    int64_t     ne0;
    int64_t     ne1;
    // Rings are masked by position, so their old contents are never read: no need to clear them.
    bool        clear_on_reset;
};

class state_layout {
  public:
    // Returns the index of the entry.
    int32_t declare(std::string name, ggml_type type, int64_t ne0, int64_t ne1, bool clear_on_reset);

    const std::vector<state_entry> & entries() const { return entries_; }

  private:
    std::vector<state_entry> entries_;
};

// Memory of a layout for n_slots slots; the slot is the last axis of each tensor: [ne0, ne1, n_slots].
class state_arena {
  public:
    state_arena(const state_layout & layout, int32_t n_slots, ggml_backend_buffer_type_t buffer_type);
    ~state_arena();
    state_arena(const state_arena &)             = delete;
    state_arena & operator=(const state_arena &) = delete;

    ggml_tensor * tensor(int32_t index) const { return tensors_[static_cast<size_t>(index)]; }

    int32_t n_slots() const { return n_slots_; }

    size_t n_bytes() const;

    void reset(int32_t slot);

    // A slot's bytes, for a copy of its stream: whole tensors, of rings the n_ring_rows rows that were written.
    void save(int32_t slot, int64_t n_ring_rows, byte_writer & out) const;
    // Throws INVALID_SNAPSHOT where the bytes end too early.
    void load(int32_t slot, int64_t n_ring_rows, byte_reader & in);

  private:
    size_t bytes_to_copy(size_t index, int64_t n_ring_rows) const;

    const state_layout         layout_;
    int32_t                    n_slots_;
    ggml_context *             context_ = nullptr;
    ggml_backend_buffer_t      buffer_  = nullptr;
    std::vector<ggml_tensor *> tensors_;
};

}  // namespace kstt
