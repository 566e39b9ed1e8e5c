// A checkpoint folder in the transformers layout: one or sharded safetensors, memory-mapped, every header checked.
// Tensors are views into the mapping, valid as long as the checkpoint lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

// q8_0, q4_0 and q4_k are ggml's block formats: a row is a whole number of blocks, byte for byte as ggml stores it.
enum class element_type { f32, f16, bf16, f64, i64, i32, i16, i8, u8, u32, boolean, q8_0, q4_0, q4_k };

const char * element_type_name(element_type type);

// The smallest piece that a type can store; one element except in the block formats.
struct element_block {
    int64_t n_elements;
    size_t  n_bytes;
};

element_block element_type_block(element_type type);
bool          is_block_format(element_type type);
// Bytes of one element; only for types that are not block formats.
size_t        element_type_size(element_type type);

// "[6, 2048]"
std::string shape_text(const std::vector<int64_t> & shape);

struct tensor_view {
    std::string          name;
    element_type         type = element_type::f32;
    std::vector<int64_t> shape;  // as stored: slowest axis first, PyTorch order
    const uint8_t *      data    = nullptr;
    size_t               n_bytes = 0;

    int64_t n_elements() const;
};

class checkpoint {
  public:
    // Opens model.safetensors, or the shards named by model.safetensors.index.json.
    static std::unique_ptr<checkpoint> open(const std::string & folder);

    virtual ~checkpoint() = default;

    // nullptr when there is no tensor of that name.
    virtual const tensor_view * find(const std::string & name) const = 0;

    // As find, but a missing tensor, another shape, or a type that is not f32, f16 or bf16 throws MODEL_FORMAT
    // naming the tensor, what was expected and what was found.
    virtual const tensor_view & get(const std::string & name, const std::vector<int64_t> & shape) const = 0;

    // Names, types and shapes of all. A layout may make the bytes of a tensor (permuted rows, joined parts) when it is
    // first asked for: read those of an entry of this list only after find() or get() of its name.
    virtual const std::vector<tensor_view> & tensors() const = 0;

    // Paths of the files of weights, where they are known.
    virtual std::vector<std::string> files() const { return {}; }

    // What tensors lie in, for prefaulting and for wrapping as device buffers: mapped files, and memory of tensors that
    // had to be made.
    struct region {
        const uint8_t * data    = nullptr;
        size_t          size    = 0;
        bool            is_copy = false;  // memory, not a file
    };
    virtual std::vector<region> regions() const = 0;

    // Tells the system that these bytes, a tensor or whole rows of one, are not needed soon (after a copy was made of
    // them). Rows may be released from several threads; release the whole tensor before it is asked for again.
    virtual void release(const tensor_view & tensor) const = 0;

    // The bytes of a tensor, to be overwritten when it is not read any more: where memory cannot be given back in parts
    // and nobody else reads them. nullptr: nowhere. Such a tensor cannot be asked for again afterwards.
    virtual uint8_t * spare(const tensor_view & /*tensor*/) const { return nullptr; }
};

// Copies a tensor to f32: f32, f16, bf16 and the block formats, with the values that ggml gives. `out` holds
// tensor.n_elements() floats. Other types throw MODEL_FORMAT.
void convert_to_f32(const tensor_view & tensor, float * out);

}  // namespace kstt
