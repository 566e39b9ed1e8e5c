// The key-value part of a GGUF file: typed access to values that stay where they are in the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace kstt {

// Numbers as in the format.
enum class gguf_type : uint32_t {
    u8      = 0,
    i8      = 1,
    u16     = 2,
    i16     = 3,
    u32     = 4,
    i32     = 5,
    f32     = 6,
    boolean = 7,
    string  = 8,
    array   = 9,
    u64     = 10,
    i64     = 11,
    f64     = 12
};

const char * gguf_type_name(gguf_type type);
// Bytes of a value of fixed size; 0 for strings and arrays.
size_t       gguf_type_size(gguf_type type);

// Reads a mapped file from the front and never beyond its end: a read that does not fit throws MODEL_FORMAT.
class gguf_cursor {
  public:
    gguf_cursor(const uint8_t * data, size_t size, std::string path);

    size_t              position() const { return position_; }
    size_t              left() const { return size_ - position_; }
    const std::string & path() const { return path_; }

    // `what` names the thing being read, for the message.
    uint32_t        u32(const std::string & what);
    uint64_t        u64(const std::string & what);
    std::string     string(const std::string & what);
    // n items of `size` bytes each, checked without overflow.
    const uint8_t * take(uint64_t n, size_t size, const std::string & what);

  private:
    const uint8_t * data_;
    size_t          size_;
    size_t          position_ = 0;
    std::string     path_;
};

struct gguf_value {
    std::string     key;
    gguf_type       type;
    gguf_type       element;  // of arrays; else as type
    uint64_t        n;        // elements of an array; else 1
    const uint8_t * data;     // the first element; strings are a u64 length and their bytes
};

class gguf_metadata {
  public:
    // Reads `n` pairs. Throws MODEL_FORMAT (truncated, unknown type, key given twice), MODEL_UNSUPPORTED (arrays of
    // arrays).
    void read(gguf_cursor & cursor, uint64_t n);

    bool                            contains(const std::string & key) const { return find(key) != nullptr; }
    const gguf_value *              find(const std::string & key) const;
    const std::vector<gguf_value> & values() const { return values_; }  // in the order of the file
    const std::string &             path() const { return path_; }

    // The value of a key. One that is absent, of another kind or out of range throws MODEL_FORMAT naming file and key.
    // Any integer type counts as an integer, and as a number; numbers are finite.
    int64_t                  integer(const std::string & key, int64_t min, int64_t max) const;
    double                   number(const std::string & key) const;
    bool                     boolean(const std::string & key) const;
    std::string              string(const std::string & key) const;
    std::vector<int64_t>     integers(const std::string & key) const;
    std::vector<double>      numbers(const std::string & key) const;
    std::vector<std::string> strings(const std::string & key) const;
    std::string              bytes(const std::string & key) const;  // an array of u8

    // MODEL_FORMAT: "<file>: metadata <key> must be <expected>, but is <found>".
    [[noreturn]] void fail(const std::string & key, const std::string & expected) const;

  private:
    const gguf_value & get(const std::string & key, const char * expected) const;
    const gguf_value & get_array(const std::string & key, const char * expected) const;
    int64_t            integer_at(const gguf_value & value, uint64_t index, const char * expected) const;
    double             number_at(const gguf_value & value, uint64_t index, const char * expected) const;

    std::string                             path_;
    std::vector<gguf_value>                 values_;
    std::unordered_map<std::string, size_t> index_;
};

}  // namespace kstt
