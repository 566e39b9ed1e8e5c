// Builds GGUF files, right and wrong ones, field by field.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

template <typename T>
std::string le_bytes(T value) {
    std::string bytes(sizeof(value), '\0');
    std::memcpy(bytes.data(), &value, sizeof(value));
    return bytes;
}

inline std::string gguf_string(const std::string & text) {
    return le_bytes<uint64_t>(text.size()) + text;
}

// A key with a value of this type, the value's bytes as given.
inline std::string gguf_pair(const std::string & key, uint32_t type, const std::string & value) {
    return gguf_string(key) + le_bytes(type) + value;
}

inline std::string gguf_array(const std::string & key, uint32_t element, uint64_t n, const std::string & values) {
    return gguf_pair(key, 9, le_bytes(element) + le_bytes(n) + values);
}

struct gguf_info {
    std::string           name;
    std::vector<uint64_t> ne;  // fastest axis first, as in the file
    uint32_t              type   = 0;
    uint64_t              offset = 0;
};

struct gguf_parts {
    std::string              magic   = "GGUF";
    uint32_t                 version = 3;
    std::vector<std::string> pairs;
    std::vector<gguf_info>   tensors;
    std::string              data;
    size_t                   alignment = 32;  // of the padding
    int64_t                  n_pairs   = -1;  // claims; negative: the truth
    int64_t                  n_tensors = -1;

    std::string bytes() const {
        std::string out = magic + le_bytes(version);
        out += le_bytes<uint64_t>(n_tensors < 0 ? tensors.size() : static_cast<uint64_t>(n_tensors));
        out += le_bytes<uint64_t>(n_pairs < 0 ? pairs.size() : static_cast<uint64_t>(n_pairs));
        for (const std::string & pair : pairs) {
            out += pair;
        }
        for (const gguf_info & tensor : tensors) {
            out += gguf_string(tensor.name) + le_bytes<uint32_t>(static_cast<uint32_t>(tensor.ne.size()));
            for (const uint64_t n : tensor.ne) {
                out += le_bytes(n);
            }
            out += le_bytes(tensor.type) + le_bytes(tensor.offset);
        }
        out += std::string((alignment - out.size() % alignment) % alignment, '\0');
        return out + data;
    }
};
