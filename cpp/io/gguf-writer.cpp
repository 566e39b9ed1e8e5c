#include "io/gguf-writer.h"

#include "io/gguf-file.h"
#include "runtime/error.h"

#include <cstring>

namespace kstt {
namespace {

// The host is little endian, as the format and every checkpoint are (compare cpp/io/safetensors-file.cpp).
template <typename T>
void append(std::string & bytes, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes.append(raw, sizeof(T));
}

void append_string(std::string & bytes, const std::string & text) {
    append<uint64_t>(bytes, text.size());
    bytes += text;
}

constexpr uint32_t number_of(gguf_type type) {
    return static_cast<uint32_t>(type);
}

}  // namespace

uint64_t tensor_bytes(const std::vector<int64_t> & shape, element_type type) {
    const element_block block = element_type_block(type);
    KSTT_CHECK((shape.empty() ? 1 : shape.back()) % block.n_elements == 0);
    uint64_t n = 1;
    for (const int64_t axis : shape) {
        n *= static_cast<uint64_t>(axis);
    }
    return n / static_cast<uint64_t>(block.n_elements) * block.n_bytes;
}

gguf_writer::gguf_writer(size_t alignment) : alignment_(alignment) {
    add("general.alignment", static_cast<uint32_t>(alignment));
}

void gguf_writer::add_key(const std::string & key, uint32_t type) {
    append_string(pairs_, key);
    append(pairs_, type);
    ++n_pairs_;
}

void gguf_writer::add_array(const std::string & key, uint32_t element, size_t n) {
    add_key(key, number_of(gguf_type::array));
    append(pairs_, element);
    append<uint64_t>(pairs_, n);
}

void gguf_writer::add(const std::string & key, bool value) {
    add_key(key, number_of(gguf_type::boolean));
    append<uint8_t>(pairs_, value ? 1 : 0);
}

void gguf_writer::add(const std::string & key, int32_t value) {
    add_key(key, number_of(gguf_type::i32));
    append(pairs_, value);
}

void gguf_writer::add(const std::string & key, uint32_t value) {
    add_key(key, number_of(gguf_type::u32));
    append(pairs_, value);
}

void gguf_writer::add(const std::string & key, double value) {
    add_key(key, number_of(gguf_type::f64));
    append(pairs_, value);
}

void gguf_writer::add(const std::string & key, const std::string & value) {
    add_key(key, number_of(gguf_type::string));
    append_string(pairs_, value);
}

void gguf_writer::add(const std::string & key, const std::vector<int32_t> & values) {
    add_array(key, number_of(gguf_type::i32), values.size());
    for (const int32_t value : values) {
        append(pairs_, value);
    }
}

void gguf_writer::add(const std::string & key, const std::vector<uint64_t> & values) {
    add_array(key, number_of(gguf_type::u64), values.size());
    for (const uint64_t value : values) {
        append(pairs_, value);
    }
}

void gguf_writer::add(const std::string & key, const std::vector<std::string> & values) {
    add_array(key, number_of(gguf_type::string), values.size());
    for (const std::string & value : values) {
        append_string(pairs_, value);
    }
}

void gguf_writer::add_bytes(const std::string & key, const std::string & bytes) {
    add_array(key, number_of(gguf_type::u8), bytes.size());
    pairs_ += bytes;
}

void gguf_writer::add_tensor(const std::string & name, const std::vector<int64_t> & shape, element_type type) {
    if (name.size() > max_gguf_name || shape.size() > 4) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    format("tensor %s cannot be stored as GGUF: names have at most %zu bytes, tensors 4 axes",
                           name.c_str(),
                           max_gguf_name));
    }
    const uint64_t n_bytes = tensor_bytes(shape, type);
    tensors_.push_back({ name, shape, type, data_bytes_, n_bytes });
    data_bytes_ += padded(n_bytes);
}

std::string gguf_writer::header() const {
    std::string bytes = "GGUF";
    append<uint32_t>(bytes, 3);
    append<uint64_t>(bytes, tensors_.size());
    append<uint64_t>(bytes, n_pairs_);
    bytes += pairs_;
    for (const info & tensor : tensors_) {
        append_string(bytes, tensor.name);
        append(bytes, static_cast<uint32_t>(tensor.shape.size()));
        for (auto axis = tensor.shape.rbegin(); axis != tensor.shape.rend(); ++axis) {
            append(bytes, static_cast<uint64_t>(*axis));
        }
        append(bytes, gguf_tensor_type(tensor.type));
        append(bytes, tensor.offset);
    }
    bytes.resize(static_cast<size_t>(padded(bytes.size())));
    return bytes;
}

}  // namespace kstt
