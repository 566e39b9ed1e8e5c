// The fields of one protobuf message, in the order of their bytes. Reads never pass the end; whatever does not fit
// throws MODEL_FORMAT naming the file.
//
//   while (reader.next()) {
//       switch (reader.field()) { case 1: use(reader.bytes()); break; }   // fields that are not asked for are skipped
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kstt {

class protobuf_reader {
  public:
    // `message` is borrowed. `where` begins the messages of errors: the file, and the message inside it.
    protobuf_reader(std::string_view message, std::string where);

    // Moves to the next field; false at the end.
    bool     next();
    uint32_t field() const { return field_; }

    // The value of the field: of the wire type that its kind has, else MODEL_FORMAT.
    int32_t          int32() const;  // as stored; enums too
    bool             boolean() const;
    float            f32() const;
    std::string_view bytes() const;  // strings and messages too; a view into the message

    [[noreturn]] void fail(const std::string & problem) const;

  private:
    enum class wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

    uint64_t         take_varint();
    std::string_view take(uint64_t n);
    void             expect(wire type, const char * expected) const;

    std::string_view left_;
    std::string      where_;
    uint32_t         field_  = 0;
    wire             wire_   = wire::varint;
    uint64_t         number_ = 0;  // of a varint
    std::string_view value_;       // of the other wire types
};

}  // namespace kstt
