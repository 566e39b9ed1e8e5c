// Key and value rings of all layers of one stack for all slots, on the device.
#pragma once

#include "cuda/device-api.h"
#include "cuda/kernels.h"

#include <cstdint>
#include <vector>

namespace kstt {

class byte_reader;
class byte_writer;

namespace gpu {

struct rings_shape {
    ring_kind kind       = ring_kind::f16;
    int32_t   n_layers   = 0;
    int32_t   n_slots    = 0;
    int32_t   n_kv_heads = 0;
    int32_t   head_dim   = 0;
    int32_t   capacity   = 0;
};

class slot_rings {
  public:
    explicit slot_rings(const rings_shape & shape);

    ring_memory keys(int32_t layer) const { return memory_of(layer, 0); }

    ring_memory values(int32_t layer) const { return memory_of(layer, 1); }

    size_t n_bytes() const;

    // The first n_places places of a slot, laid out as the CPU's rings (nn/kv-ring.h): per layer keys then values,
    // [place][kv head][head_dim], in the ring's type; q8 as f16, which is a little coarser than its own product.
    void save(stream & on, int32_t slot, int64_t n_places, byte_writer & out) const;
    void load(stream & on, int32_t slot, int64_t n_places, byte_reader & in);

  private:
    ring_memory memory_of(int32_t layer, int32_t which) const;
    size_t      slot_elements() const;

    const rings_shape          shape_;
    std::vector<device_memory> values_;  // [layer][keys, values]
    std::vector<device_memory> scales_;  // q8
};

}  // namespace gpu
}  // namespace kstt
