#include "cuda/slot-rings.h"

#include "runtime/byte-archive.h"
#include "runtime/error.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kstt::gpu {

namespace {

size_t element_bytes(ring_kind kind) {
    return kind == ring_kind::f32 ? 4 : kind == ring_kind::f16 ? 2 : 1;
}

// Values that share a scale in a q8 ring.
constexpr size_t q8_block = 32;

}  // namespace

slot_rings::slot_rings(const rings_shape & shape) : shape_(shape) {
    const size_t n = slot_elements() * static_cast<size_t>(shape.n_slots);
    for (int32_t i = 0; i < 2 * shape.n_layers; i++) {
        values_.emplace_back(n * element_bytes(shape.kind));
        if (shape.kind == ring_kind::q8) {
            scales_.emplace_back(n / q8_block * sizeof(float));
        }
    }
}

size_t slot_rings::slot_elements() const {
    return static_cast<size_t>(shape_.n_kv_heads) * static_cast<size_t>(shape_.capacity) *
           static_cast<size_t>(head_stride(shape_.head_dim));
}

ring_memory slot_rings::memory_of(int32_t layer, int32_t which) const {
    const size_t at = 2 * static_cast<size_t>(layer) + static_cast<size_t>(which);
    ring_memory  ring;
    ring.values = values_[at].as<void>();
    ring.scales = shape_.kind == ring_kind::q8 ? scales_[at].as<float>() : nullptr;
    return ring;
}

size_t slot_rings::n_bytes() const {
    size_t n = 0;
    for (const device_memory & each : values_) {
        n += each.n_bytes();
    }
    for (const device_memory & each : scales_) {
        n += each.n_bytes();
    }
    return n;
}

void slot_rings::save(stream & on, int32_t slot, int64_t n_places, byte_writer & out) const {
    const size_t         n      = slot_elements();
    const auto           stride = static_cast<size_t>(head_stride(shape_.head_dim));
    const auto           dim    = static_cast<size_t>(shape_.head_dim);
    const auto           places = static_cast<size_t>(std::min<int64_t>(n_places, shape_.capacity));
    const size_t         size   = element_bytes(shape_.kind);
    std::vector<uint8_t> stored(n * size);
    std::vector<float>   scales(shape_.kind == ring_kind::q8 ? n / q8_block : 0);
    for (size_t ring = 0; ring < values_.size(); ring++) {
        on.download(
            stored.data(), values_[ring].as<uint8_t>() + static_cast<size_t>(slot) * stored.size(), stored.size());
        if (!scales.empty()) {
            on.download(scales.data(),
                        scales_[ring].as<float>() + static_cast<size_t>(slot) * scales.size(),
                        scales.size() * sizeof(float));
        }
        on.wait();
        for (size_t place = 0; place < places; place++) {
            for (size_t head = 0; head < static_cast<size_t>(shape_.n_kv_heads); head++) {
                const size_t at = (head * static_cast<size_t>(shape_.capacity) + place) * stride;
                if (scales.empty()) {
                    out.raw(stored.data() + at * size, dim * size);
                    continue;
                }
                std::vector<ggml_fp16_t> row(dim);
                for (size_t d = 0; d < dim; d++) {
                    row[d] = ggml_fp32_to_fp16(static_cast<float>(static_cast<int8_t>(stored[at + d])) *
                                               scales[(at + d) / q8_block]);
                }
                out.raw(row.data(), dim * sizeof(ggml_fp16_t));
            }
        }
    }
}

void slot_rings::load(stream & on, int32_t slot, int64_t n_places, byte_reader & in) {
    const size_t         n      = slot_elements();
    const auto           stride = static_cast<size_t>(head_stride(shape_.head_dim));
    const auto           dim    = static_cast<size_t>(shape_.head_dim);
    const auto           places = static_cast<size_t>(std::min<int64_t>(n_places, shape_.capacity));
    const size_t         size   = element_bytes(shape_.kind);
    std::vector<uint8_t> stored(n * size, 0);
    std::vector<float>   scales(shape_.kind == ring_kind::q8 ? n / q8_block : 0, 0.0F);
    for (size_t ring = 0; ring < values_.size(); ring++) {
        for (size_t place = 0; place < places; place++) {
            for (size_t head = 0; head < static_cast<size_t>(shape_.n_kv_heads); head++) {
                const size_t at = (head * static_cast<size_t>(shape_.capacity) + place) * stride;
                if (scales.empty()) {
                    in.raw(stored.data() + at * size, dim * size);
                    continue;
                }
                std::vector<ggml_fp16_t> row(dim);
                in.raw(row.data(), dim * sizeof(ggml_fp16_t));
                for (size_t d0 = 0; d0 < dim; d0 += q8_block) {
                    float largest = 0.0F;
                    for (size_t d = d0; d < std::min(dim, d0 + q8_block); d++) {
                        largest = std::max(largest, std::fabs(ggml_fp16_to_fp32(row[d])));
                    }
                    const float scale            = largest / 127.0F;
                    scales[(at + d0) / q8_block] = scale;
                    for (size_t d = d0; scale > 0.0F && d < std::min(dim, d0 + q8_block); d++) {
                        stored[at + d] =
                            static_cast<uint8_t>(static_cast<int8_t>(std::lrint(ggml_fp16_to_fp32(row[d]) / scale)));
                    }
                }
            }
        }
        on.upload(
            values_[ring].as<uint8_t>() + static_cast<size_t>(slot) * stored.size(), stored.data(), stored.size());
        if (!scales.empty()) {
            on.upload(scales_[ring].as<float>() + static_cast<size_t>(slot) * scales.size(),
                      scales.data(),
                      scales.size() * sizeof(float));
        }
        on.wait();
    }
}

}  // namespace kstt::gpu
