// The weights of a checkpoint as ggml tensors: views into the mapped file wherever the stored form can be used as it
// is, memory of their own where it cannot. Read-only once loading is over.
#pragma once

#include "io/checkpoint.h"
#include "runtime/device.h"
#include "runtime/large-memory.h"

#include <ggml-backend.h>
#include <ggml.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

class weight_store {
  public:
    // packed: whether product() lays quantized matrices out for the processor's kernels; another device takes them as
    // they are stored.
    weight_store(std::shared_ptr<const checkpoint> source, const compute_backend & backend, bool packed = true);
    ~weight_store();
    weight_store(const weight_store &)             = delete;
    weight_store & operator=(const weight_store &) = delete;

    bool has(const std::string & name) const { return source_->find(name) != nullptr; }

    // In the stored type. `shape` in PyTorch order; the tensor's ne is its reverse.
    ggml_tensor * mapped(const std::string & name, const std::vector<int64_t> & shape);

    // For build_linear only: quantized types packed (nn/packed-weight.h) by all processors, other types as mapped.
    // Packed weights lie in memory of their own while the pages of the file are released; where only pages of a file on
    // disk can be released, in place of the stored ones.
    ggml_tensor * product(const std::string & name, const std::vector<int64_t> & shape);

    // As f32: a view where it is stored so, a converted copy otherwise.
    ggml_tensor * f32(const std::string & name, const std::vector<int64_t> & shape);

    // A copy in f32 of ne0 * ne1 elements laid out anew, filled by `fill(stored, copy)`, which gets the stored values
    // in f32 and writes every element of the copy.
    using fill_function = std::function<void(const float * stored, float * copy)>;
    ggml_tensor * relaid(const std::string &          name,
                         const std::vector<int64_t> & shape,
                         int64_t                      ne0,
                         int64_t                      ne1,
                         const fill_function &        fill);

    // Memory of its own, to be filled by the caller.
    ggml_tensor * owned_f32(const std::string & name, int64_t ne0, int64_t ne1);

    const checkpoint & source() const { return *source_; }

    int64_t mapped_bytes() const { return mapped_bytes_; }

    int64_t owned_bytes() const { return owned_bytes_; }

    // Touches up to max_bytes of the mapped weights, from `offset` on (counted over all of them); returns bytes
    // touched.
    int64_t prefault(int64_t offset, int64_t max_bytes) const;

  private:
    ggml_tensor * view(const tensor_view & tensor, ggml_type type);
    ggml_tensor * packed(const tensor_view & tensor, ggml_type type);
    ggml_tensor * packed_in_place(const tensor_view & tensor, ggml_type type, uint8_t * bytes);
    // Gives a tensor n_bytes of memory of its own.
    void          own(ggml_tensor * tensor, size_t n_bytes);
    ggml_tensor * new_tensor(ggml_type type, const std::vector<int64_t> & ne, const std::string & name);

    std::shared_ptr<const checkpoint>          source_;
    const compute_backend &                    backend_;
    const bool                                 packed_;
    ggml_context *                             context_ = nullptr;
    std::vector<ggml_backend_buffer_t>         regions_;  // one per mapped file
    std::vector<std::unique_ptr<large_memory>> memory_;   // of the larger ones of owned_
    std::vector<ggml_backend_buffer_t>         owned_;
    std::vector<const tensor_view *>           used_;  // mapped tensors, in order of use
    int64_t                                    mapped_bytes_ = 0;
    int64_t                                    owned_bytes_  = 0;
};

}  // namespace kstt
