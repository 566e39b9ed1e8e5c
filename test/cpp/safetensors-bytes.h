// Builds safetensors files, right and wrong ones.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// A header text with its length in front and data behind.
inline std::string safetensors_bytes(const std::string & header, const std::string & data) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) {
        bytes.push_back(static_cast<char>((static_cast<uint64_t>(header.size()) >> (8 * i)) & 0xFFU));
    }
    return bytes + header + data;
}

struct stored_tensor {
    std::string          name;
    std::string          dtype;
    std::vector<int64_t> shape;
    std::string          bytes;
};

inline std::string safetensors_bytes(const std::vector<stored_tensor> & tensors) {
    nlohmann::ordered_json header;
    std::string            data;
    header["__metadata__"] = { { "format", "pt" } };
    for (const stored_tensor & tensor : tensors) {
        header[tensor.name] = { { "dtype", tensor.dtype },
                                { "shape", tensor.shape },
                                { "data_offsets", { data.size(), data.size() + tensor.bytes.size() } } };
        data += tensor.bytes;
    }
    return safetensors_bytes(header.dump(), data);
}
