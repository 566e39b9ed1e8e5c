#include "io/gguf-metadata.h"

#include "io/json-file.h"
#include "runtime/error.h"

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace kstt {
namespace {

struct type_entry {
    const char * name;
    size_t       size;
};

constexpr std::array<type_entry, 13> types = { { { "u8", 1 },
                                                 { "i8", 1 },
                                                 { "u16", 2 },
                                                 { "i16", 2 },
                                                 { "u32", 4 },
                                                 { "i32", 4 },
                                                 { "f32", 4 },
                                                 { "bool", 1 },
                                                 { "string", 0 },
                                                 { "array", 0 },
                                                 { "u64", 8 },
                                                 { "i64", 8 },
                                                 { "f64", 8 } } };

// Of the format's description; also keeps messages short.
constexpr size_t max_key_bytes = 65535;

template <typename T>
T load(const uint8_t * data) {
    T value;
    std::memcpy(&value, data, sizeof(value));
    return value;
}

std::string stored_string(const uint8_t * data) {
    const auto n = load<uint64_t>(data);
    return { reinterpret_cast<const char *>(data) + sizeof(n), static_cast<size_t>(n) };
}

void skip_value(gguf_cursor & cursor, gguf_type type, uint64_t n, const std::string & what) {
    if (type != gguf_type::string) {
        const uint8_t * data = cursor.take(n, gguf_type_size(type), what);
        for (uint64_t i = 0; type == gguf_type::boolean && i < n; ++i) {
            if (data[i] > 1) {
                throw error(KSTT_STATUS_MODEL_FORMAT,
                            format("%s: %s holds a bool of value %u; the file is damaged",
                                   cursor.path().c_str(),
                                   what.c_str(),
                                   data[i]));
            }
        }
        return;
    }
    for (uint64_t i = 0; i < n; ++i) {
        (void) cursor.take(cursor.u64(what), 1, what);
    }
}

}  // namespace

const char * gguf_type_name(gguf_type type) {
    const auto index = static_cast<size_t>(type);
    return index < types.size() ? types[index].name : "unknown";
}

size_t gguf_type_size(gguf_type type) {
    const auto index = static_cast<size_t>(type);
    return index < types.size() ? types[index].size : 0;
}

gguf_cursor::gguf_cursor(const uint8_t * data, size_t size, std::string path)
    : data_(data), size_(size), path_(std::move(path)) {}

const uint8_t * gguf_cursor::take(uint64_t n, size_t size, const std::string & what) {
    if (size != 0 && n > left() / size) {
        throw error(
            KSTT_STATUS_MODEL_FORMAT,
            format("%s: truncated or damaged: %s needs %llu x %zu bytes from byte %zu on, the file ends at %zu; "
                   "fetch or convert it again",
                   path_.c_str(),
                   what.c_str(),
                   static_cast<unsigned long long>(n),
                   size,
                   position_,
                   size_));
    }
    const uint8_t * start = data_ + position_;
    position_ += static_cast<size_t>(n) * size;
    return start;
}

uint32_t gguf_cursor::u32(const std::string & what) {
    return load<uint32_t>(take(1, sizeof(uint32_t), what));
}

uint64_t gguf_cursor::u64(const std::string & what) {
    return load<uint64_t>(take(1, sizeof(uint64_t), what));
}

std::string gguf_cursor::string(const std::string & what) {
    const uint64_t n     = u64(what);
    const auto *   start = reinterpret_cast<const char *>(take(n, 1, what));
    return { start, static_cast<size_t>(n) };
}

void gguf_metadata::read(gguf_cursor & cursor, uint64_t n) {
    path_                = cursor.path();
    const auto read_type = [&](const std::string & what) {
        const uint32_t number = cursor.u32(what);
        if (number >= types.size()) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        format("%s: %s has the unknown type %u; the file is damaged or newer than this build",
                               path_.c_str(),
                               what.c_str(),
                               number));
        }
        return static_cast<gguf_type>(number);
    };
    for (uint64_t i = 0; i < n; ++i) {
        const std::string position = format("metadata key %llu", static_cast<unsigned long long>(i));
        gguf_value        value    = {};
        value.key                  = cursor.string(position);
        if (value.key.empty() || value.key.size() > max_key_bytes) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        format("%s: %s is %zu bytes long; 1 to %zu are allowed",
                               path_.c_str(),
                               position.c_str(),
                               value.key.size(),
                               max_key_bytes));
        }
        const std::string what = "metadata " + printable(value.key);
        value.type             = read_type(what);
        value.element          = value.type;
        value.n                = 1;
        if (value.type == gguf_type::array) {
            value.element = read_type(what);
            value.n       = cursor.u64(what);
            if (value.element == gguf_type::array) {
                throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                            path_ + ": " + what + " is an array of arrays; no checkpoint of this family has one");
            }
        }
        value.data = cursor.take(0, 1, what);
        skip_value(cursor, value.element, value.n, what);
        if (!index_.try_emplace(value.key, values_.size()).second) {
            throw error(KSTT_STATUS_MODEL_FORMAT, path_ + ": " + what + " is given twice; the file is damaged");
        }
        values_.push_back(std::move(value));
    }
}

const gguf_value * gguf_metadata::find(const std::string & key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &values_[found->second];
}

void gguf_metadata::fail(const std::string & key, const std::string & expected) const {
    const gguf_value * value = find(key);
    std::string        found = "absent";
    if (value != nullptr && value->type == gguf_type::array) {
        found =
            format("an array of %llu x %s", static_cast<unsigned long long>(value->n), gguf_type_name(value->element));
    } else if (value != nullptr && value->type == gguf_type::string) {
        found = "the string \"" + printable(stored_string(value->data)) + "\"";
    } else if (value != nullptr) {
        const double number = value->type == gguf_type::boolean ? *value->data : number_at(*value, 0, "finite");
        found               = format("the %s %.17g", gguf_type_name(value->type), number);
    }
    throw error(KSTT_STATUS_MODEL_FORMAT,
                path_ + ": metadata " + printable(key) + " must be " + expected + ", but is " + found);
}

const gguf_value & gguf_metadata::get(const std::string & key, const char * expected) const {
    const gguf_value * value = find(key);
    if (value == nullptr || value->type == gguf_type::array) {
        fail(key, expected);
    }
    return *value;
}

const gguf_value & gguf_metadata::get_array(const std::string & key, const char * expected) const {
    const gguf_value * value = find(key);
    if (value == nullptr || value->type != gguf_type::array) {
        fail(key, expected);
    }
    return *value;
}

int64_t gguf_metadata::integer_at(const gguf_value & value, uint64_t index, const char * expected) const {
    const uint8_t * data = value.data + index * gguf_type_size(value.element);
    switch (value.element) {
    case gguf_type::u8:
        return *data;
    case gguf_type::i8:
        return load<int8_t>(data);
    case gguf_type::u16:
        return load<uint16_t>(data);
    case gguf_type::i16:
        return load<int16_t>(data);
    case gguf_type::u32:
        return load<uint32_t>(data);
    case gguf_type::i32:
        return load<int32_t>(data);
    case gguf_type::i64:
        return load<int64_t>(data);
    case gguf_type::u64:
        if (load<uint64_t>(data) > static_cast<uint64_t>(INT64_MAX)) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        path_ + ": metadata " + printable(value.key) + " must be " + expected + ", but is above 2^63");
        }
        return static_cast<int64_t>(load<uint64_t>(data));
    default:
        fail(value.key, expected);
    }
}

double gguf_metadata::number_at(const gguf_value & value, uint64_t index, const char * expected) const {
    const uint8_t * data   = value.data + index * gguf_type_size(value.element);
    double          number = 0.0;
    if (value.element == gguf_type::f32) {
        number = static_cast<double>(load<float>(data));
    } else if (value.element == gguf_type::f64) {
        number = load<double>(data);
    } else {
        number = static_cast<double>(integer_at(value, index, expected));
    }
    if (!std::isfinite(number)) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    path_ + ": metadata " + printable(value.key) + " must be " + expected + ", but is not finite");
    }
    return number;
}

int64_t gguf_metadata::integer(const std::string & key, int64_t min, int64_t max) const {
    const std::string expected =
        format("an integer from %lld to %lld", static_cast<long long>(min), static_cast<long long>(max));
    const int64_t number = integer_at(get(key, expected.c_str()), 0, expected.c_str());
    if (number < min || number > max) {
        fail(key, expected);
    }
    return number;
}

double gguf_metadata::number(const std::string & key) const {
    return number_at(get(key, "a finite number"), 0, "a finite number");
}

bool gguf_metadata::boolean(const std::string & key) const {
    const gguf_value & value = get(key, "a bool");
    if (value.type != gguf_type::boolean) {
        fail(key, "a bool");
    }
    return *value.data != 0;
}

std::string gguf_metadata::string(const std::string & key) const {
    const gguf_value & value = get(key, "a string");
    if (value.type != gguf_type::string) {
        fail(key, "a string");
    }
    return stored_string(value.data);
}

std::vector<int64_t> gguf_metadata::integers(const std::string & key) const {
    const gguf_value &   value = get_array(key, "an array of integers");
    std::vector<int64_t> numbers;
    numbers.reserve(value.n);
    for (uint64_t i = 0; i < value.n; ++i) {
        numbers.push_back(integer_at(value, i, "an array of integers"));
    }
    return numbers;
}

std::vector<double> gguf_metadata::numbers(const std::string & key) const {
    const gguf_value &  value = get_array(key, "an array of finite numbers");
    std::vector<double> numbers;
    numbers.reserve(value.n);
    for (uint64_t i = 0; i < value.n; ++i) {
        numbers.push_back(number_at(value, i, "an array of finite numbers"));
    }
    return numbers;
}

std::vector<std::string> gguf_metadata::strings(const std::string & key) const {
    const gguf_value & value = get_array(key, "an array of strings");
    if (value.element != gguf_type::string) {
        fail(key, "an array of strings");
    }
    std::vector<std::string> texts;
    const uint8_t *          data = value.data;
    for (uint64_t i = 0; i < value.n; ++i) {
        texts.push_back(stored_string(data));
        data += sizeof(uint64_t) + texts.back().size();
    }
    return texts;
}

std::string gguf_metadata::bytes(const std::string & key) const {
    const gguf_value & value = get_array(key, "an array of bytes");
    if (value.element != gguf_type::u8) {
        fail(key, "an array of bytes");
    }
    return { reinterpret_cast<const char *>(value.data), static_cast<size_t>(value.n) };
}

}  // namespace kstt
