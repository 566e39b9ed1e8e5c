#include "io/safetensors-writer.h"

#include "io/gguf-writer.h"
#include "runtime/error.h"

#include <nlohmann/json.hpp>

namespace kstt {
namespace {

using json = nlohmann::ordered_json;

// Headers are padded so that tensors start at multiples of it, as those of the format's own writer.
constexpr size_t header_alignment = 8;

void append_length(std::string & bytes, uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) {
        bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
    }
}

}  // namespace

const char * safetensors_type(element_type type) {
    switch (type) {
    case element_type::f32:
        return "F32";
    case element_type::f16:
        return "F16";
    case element_type::bf16:
        return "BF16";
    default:
        throw error(KSTT_STATUS_INTERNAL, format("safetensors files have no weights of %s", element_type_name(type)));
    }
}

std::string safetensors_header(const std::vector<safetensors_entry> & tensors) {
    // What transformers asks for; it refuses files without.
    json     header = { { "__metadata__", { { "format", "pt" } } } };
    uint64_t offset = 0;
    for (const safetensors_entry & tensor : tensors) {
        const uint64_t end  = offset + tensor_bytes(tensor.shape, tensor.type);
        header[tensor.name] = { { "dtype", safetensors_type(tensor.type) },
                                { "shape", tensor.shape },
                                { "data_offsets", { offset, end } } };
        offset              = end;
    }
    std::string text = header.dump();
    text.append((header_alignment - text.size() % header_alignment) % header_alignment, ' ');
    std::string bytes;
    append_length(bytes, text.size());
    return bytes + text;
}

std::string safetensors_index(const std::map<std::string, std::string> & files, uint64_t n_bytes, uint64_t n_values) {
    const json index = { { "metadata", { { "total_parameters", n_values }, { "total_size", n_bytes } } },
                         { "weight_map", files } };
    return index.dump(2) + "\n";
}

}  // namespace kstt
