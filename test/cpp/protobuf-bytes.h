// Builds protobuf messages, right and wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

inline std::string protobuf_varint(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80U; value >>= 7U) {
        bytes.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    }
    bytes.push_back(static_cast<char>(value));
    return bytes;
}

inline std::string protobuf_key(uint32_t field, unsigned wire_type) {
    return protobuf_varint(static_cast<uint64_t>(field) << 3U | wire_type);
}

inline std::string protobuf_integer(uint32_t field, int64_t value) {
    return protobuf_key(field, 0) + protobuf_varint(static_cast<uint64_t>(value));
}

inline std::string protobuf_bytes(uint32_t field, const std::string & value) {
    return protobuf_key(field, 2) + protobuf_varint(value.size()) + value;
}

inline std::string protobuf_float(uint32_t field, float value) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    std::string bytes = protobuf_key(field, 5);
    for (unsigned i = 0; i < 4; ++i) {
        bytes.push_back(static_cast<char>(bits >> (8 * i)));
    }
    return bytes;
}

// Parts of a SentencePiece model.
inline std::string model_piece(const std::string & text, int type = 1, float score = -1.0F) {
    return protobuf_bytes(1, protobuf_bytes(1, text) + protobuf_float(2, score) + protobuf_integer(3, type));
}

inline std::string model_trainer(int model_type, bool byte_fallback) {
    return protobuf_bytes(2, protobuf_integer(3, model_type) + protobuf_integer(35, byte_fallback ? 1 : 0));
}

// <unk>, then "▁a" and "b".
inline std::string small_model(int model_type = 1) {
    return model_piece("<unk>", 2, 0.0F) +
           model_piece("\xE2\x96\x81"
                       "a") +
           model_piece("b") + model_trainer(model_type, false);
}
