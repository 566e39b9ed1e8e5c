#include "io/moshi-cpp-names.h"

#include <array>
#include <cstdint>

namespace kstt {
namespace {

constexpr size_t longest_name = 63;  // of ggml

// A cyclic redundancy check, in the terms of its usual catalogues.
struct crc_model {
    unsigned width;
    uint64_t polynomial;
    uint64_t initial;
    bool     reflected;
    uint64_t final_xor;
};

// The generated source that moshi.cpp takes its checksum from is not part of its published history, so which of the
// usual ones it is was not to be verified; the one whose names are in the file is right.
constexpr std::array<crc_model, 7> models = { {
    { 32, 0x04C11DB7, 0xFFFFFFFF, true, 0xFFFFFFFF },                          // crc-32
    { 32, 0x1EDC6F41, 0xFFFFFFFF, true, 0xFFFFFFFF },                          // crc-32c
    { 32, 0x04C11DB7, 0xFFFFFFFF, false, 0 },                                  // crc-32-mpeg
    { 32, 0x04C11DB7, 0, false, 0xFFFFFFFF },                                  // posix
    { 64, 0x000000000000001B, 0, true, 0 },                                    // crc-64
    { 64, 0xAD93D23594C935A9, 0xFFFFFFFFFFFFFFFF, true, 0 },                   // crc-64-jones
    { 64, 0x42F0E1EBA9EA3693, 0xFFFFFFFFFFFFFFFF, true, 0xFFFFFFFFFFFFFFFF },  // crc-64-xz
} };

uint64_t reflect(uint64_t value, unsigned width) {
    uint64_t result = 0;
    for (unsigned i = 0; i < width; ++i) {
        result |= ((value >> i) & 1U) << (width - 1 - i);
    }
    return result;
}

uint64_t checksum(const crc_model & model, const std::string & text) {
    const uint64_t top   = uint64_t{ 1 } << (model.width - 1);
    const uint64_t mask  = top | (top - 1);
    uint64_t       value = model.initial;
    for (const char c : text) {
        auto byte = static_cast<uint64_t>(static_cast<unsigned char>(c));
        if (model.reflected) {
            byte = reflect(byte, 8);
        }
        value ^= byte << (model.width - 8);
        for (int i = 0; i < 8; ++i) {
            value = ((value & top) != 0 ? (value << 1U) ^ model.polynomial : value << 1U) & mask;
        }
    }
    return (model.reflected ? reflect(value, model.width) : value) ^ model.final_xor;
}

// The lower half of each of eight bytes, lowest first; a checksum of 32 bits ends in four zeros.
std::string letters_of(uint64_t value) {
    std::string text;
    for (int i = 0; i < 8; ++i) {
        text += "0123456789abcdef"[value & 0xFU];
        value >>= 8U;
    }
    return text;
}

// Long names that every file with the codec's encoder has. One of sixteen bits could be there by chance, three cannot.
constexpr std::array<const char *, 3> probes = {
    "mimi.encoder_transformer.transformer.layers.0.self_attn.in_projs.0.weight",
    "mimi.encoder_transformer.transformer.layers.0.self_attn.out_projs.0.weight",
    "mimi.encoder_transformer.transformer.layers.0.layer_scale_1.scale",
};

const crc_model * model_of(const stored_files & files) {
    for (const crc_model & model : models) {
        bool has_all = true;
        for (const char * probe : probes) {
            has_all = has_all && files.find(letters_of(checksum(model, probe))) != nullptr;
        }
        if (has_all) {
            return &model;
        }
    }
    return nullptr;
}

}  // namespace

const tensor_view * find_hashed(const stored_files & files, const std::string & name) {
    if (name.size() <= longest_name) {
        return nullptr;
    }
    const crc_model * model = model_of(files);
    return model == nullptr ? nullptr : files.find(letters_of(checksum(*model, name)));
}

}  // namespace kstt
