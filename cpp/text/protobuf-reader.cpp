#include "text/protobuf-reader.h"

#include "runtime/error.h"

#include <cstring>
#include <utility>

namespace kstt {

protobuf_reader::protobuf_reader(std::string_view message, std::string where)
    : left_(message), where_(std::move(where)) {}

void protobuf_reader::fail(const std::string & problem) const {
    throw error(KSTT_STATUS_MODEL_FORMAT, where_ + ": " + problem);
}

uint64_t protobuf_reader::take_varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (left_.empty()) {
            fail("cut off in the middle of a number; the file is damaged or not complete, fetch it again");
        }
        const auto byte = static_cast<uint8_t>(left_.front());
        left_.remove_prefix(1);
        // Bits beyond the 64th are dropped, as protobuf does.
        value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
        if ((byte & 0x80U) == 0) {
            return value;
        }
    }
    fail("a number of more than ten bytes; this is not a SentencePiece model, or it is damaged");
}

std::string_view protobuf_reader::take(uint64_t n) {
    if (n > left_.size()) {
        fail(format("a field of %llu bytes where %zu are left; the file is damaged or not complete, fetch it again",
                    static_cast<unsigned long long>(n),
                    left_.size()));
    }
    const std::string_view taken = left_.substr(0, static_cast<size_t>(n));
    left_.remove_prefix(static_cast<size_t>(n));
    return taken;
}

bool protobuf_reader::next() {
    if (left_.empty()) {
        return false;
    }
    const uint64_t key    = take_varint();
    const uint64_t number = key >> 3U;
    if (number == 0 || number >= (uint64_t{ 1 } << 29U)) {
        fail("a field number that protobuf does not have; this is not a SentencePiece model, or it is damaged");
    }
    field_  = static_cast<uint32_t>(number);
    value_  = {};
    number_ = 0;
    switch (key & 7U) {
    case 0:
        wire_   = wire::varint;
        number_ = take_varint();
        break;
    case 1:
        wire_  = wire::fixed64;
        value_ = take(8);
        break;
    case 2:
        wire_  = wire::bytes;
        value_ = take(take_varint());
        break;
    case 5:
        wire_  = wire::fixed32;
        value_ = take(4);
        break;
    default:
        fail(format("field %u has the wire type %u, which such files do not use; the file is damaged, fetch it again",
                    field_,
                    static_cast<unsigned>(key & 7U)));
    }
    return true;
}

void protobuf_reader::expect(wire type, const char * expected) const {
    if (wire_ != type) {
        fail(format("field %u must be %s, but has the wire type %u", field_, expected, static_cast<unsigned>(wire_)));
    }
}

int32_t protobuf_reader::int32() const {
    expect(wire::varint, "an integer");
    return static_cast<int32_t>(static_cast<uint32_t>(number_));
}

bool protobuf_reader::boolean() const {
    expect(wire::varint, "a boolean");
    return number_ != 0;
}

float protobuf_reader::f32() const {
    expect(wire::fixed32, "a float");
    const auto     byte  = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(value_[i])); };
    const uint32_t bits  = byte(0) | (byte(1) << 8U) | (byte(2) << 16U) | (byte(3) << 24U);
    float          value = 0.0F;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

std::string_view protobuf_reader::bytes() const {
    expect(wire::bytes, "bytes");
    return value_;
}

}  // namespace kstt
