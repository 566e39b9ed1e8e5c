#include "io/safetensors-file.h"

#include "io/json-file.h"
#include "runtime/error.h"

#include <algorithm>
#include <array>

namespace kstt {
namespace {

constexpr size_t   length_bytes     = 8;
// Upper bound of the format (safetensors crate, MAX_HEADER_SIZE).
constexpr uint64_t max_header_bytes = 100000000;

struct dtype_name {
    const char * name;
    element_type type;
};

constexpr std::array<dtype_name, 11> known_dtypes = { {
    { "F32", element_type::f32 },
    { "F16", element_type::f16 },
    { "BF16", element_type::bf16 },
    { "F64", element_type::f64 },
    { "I64", element_type::i64 },
    { "I32", element_type::i32 },
    { "I16", element_type::i16 },
    { "I8", element_type::i8 },
    { "U8", element_type::u8 },
    { "U32", element_type::u32 },
    { "BOOL", element_type::boolean },
} };

// Types of the format that no checkpoint of this family uses.
constexpr std::array<const char *, 11> other_dtypes = { "U16",     "U64",         "C64",        "F4",
                                                        "F6_E2M3", "F6_E3M2",     "F8_E5M2",    "F8_E4M3",
                                                        "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ" };

element_type parse_dtype(const json_value & value) {
    const std::string name = value.string();
    for (const dtype_name & known : known_dtypes) {
        if (name == known.name) {
            return known.type;
        }
    }
    for (const char * other : other_dtypes) {
        if (name == other) {
            throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                        value.where() + " is " + name + "; save the checkpoint as F32, BF16 or F16");
        }
    }
    value.fail("a safetensors type such as F32, F16 or BF16");
}

struct checked_header {
    std::string text;
    size_t      data_start;
};

// The header's JSON, its length checked against the file.
checked_header read_header(const mapped_file & file) {
    const std::string & path = file.path();
    if (file.size() < length_bytes) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: truncated: %zu bytes, a safetensors file starts with 8 bytes of header length; "
                           "fetch the file again",
                           path.c_str(),
                           file.size()));
    }
    uint64_t length = 0;
    for (size_t i = 0; i < length_bytes; ++i) {
        length |= static_cast<uint64_t>(file.data()[i]) << (8 * i);
    }
    if (length > max_header_bytes) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: the header claims %llu bytes, at most %llu are allowed; this is not a safetensors file "
                           "or it is damaged",
                           path.c_str(),
                           static_cast<unsigned long long>(length),
                           static_cast<unsigned long long>(max_header_bytes)));
    }
    if (length > file.size() - length_bytes) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: truncated: the header claims %llu bytes, the file holds %zu after the length; "
                           "fetch the file again",
                           path.c_str(),
                           static_cast<unsigned long long>(length),
                           file.size() - length_bytes));
    }
    const char * text = reinterpret_cast<const char *>(file.data()) + length_bytes;
    return { std::string(text, static_cast<size_t>(length)), length_bytes + static_cast<size_t>(length) };
}

// Bytes of a tensor of this shape; the caller has checked that no dimension is negative.
uint64_t checked_bytes(const json_value & value, const std::vector<int64_t> & shape, element_type type) {
    uint64_t n_bytes = element_type_size(type);
    for (const int64_t n : shape) {
        // A zero later on would hide an overflow, so each product is bounded by itself.
        if (n != 0 && n_bytes > static_cast<uint64_t>(INT64_MAX) / static_cast<uint64_t>(n)) {
            value.fail("a shape whose size fits in 63 bits");
        }
        n_bytes *= static_cast<uint64_t>(n);
    }
    return n_bytes;
}

tensor_view parse_tensor(const std::string & name, const json_value & entry, const uint8_t * data, size_t data_size) {
    tensor_view tensor;
    tensor.name = name;
    tensor.type = parse_dtype(entry.at("dtype"));

    const json_value shape = entry.at("shape");
    shape.expect_array();
    for (size_t i = 0; i < shape.raw().size(); ++i) {
        tensor.shape.push_back(shape.at(i).integer(0, INT64_MAX));
    }

    const json_value offsets = entry.at("data_offsets");
    offsets.expect_array();
    if (offsets.raw().size() != 2) {
        offsets.fail("an array of two offsets");
    }
    const auto begin = static_cast<uint64_t>(offsets.at(size_t{ 0 }).integer(0, INT64_MAX));
    const auto end   = static_cast<uint64_t>(offsets.at(size_t{ 1 }).integer(0, INT64_MAX));
    if (begin > end) {
        offsets.fail("two offsets in rising order");
    }
    if (end > data_size) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s ends at byte %llu, but the file holds only %zu bytes of tensors: it is truncated or "
                           "damaged, fetch it again",
                           offsets.where().c_str(),
                           static_cast<unsigned long long>(end),
                           data_size));
    }
    const uint64_t expected = checked_bytes(shape, tensor.shape, tensor.type);
    if (end - begin != expected) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s cover %llu bytes, but its shape and type %s need %llu",
                           offsets.where().c_str(),
                           static_cast<unsigned long long>(end - begin),
                           element_type_name(tensor.type),
                           static_cast<unsigned long long>(expected)));
    }
    tensor.data    = data + begin;
    tensor.n_bytes = static_cast<size_t>(end - begin);
    return tensor;
}

void check_metadata(const json_value & metadata) {
    metadata.expect_object();
    for (const auto & item : metadata.raw().items()) {
        (void) metadata.at(item.key()).string();
    }
}

// The format allows neither holes nor overlaps: sorted by offset, each tensor starts where the one before it ended.
void check_contiguous(const mapped_file & file, const std::vector<tensor_view> & tensors, const uint8_t * data) {
    const uint8_t *     expected = data;
    const tensor_view * before   = nullptr;
    for (const tensor_view & tensor : tensors) {
        if (tensor.data != expected) {
            const bool        overlaps = tensor.data < expected;
            const std::string previous = before == nullptr ? "the header" : "tensor " + printable(before->name);
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        format("%s: tensor %s starts at byte %zu, expected %zu: it %s %s; the file is damaged",
                               file.path().c_str(),
                               printable(tensor.name).c_str(),
                               static_cast<size_t>(tensor.data - data),
                               static_cast<size_t>(expected - data),
                               overlaps ? "overlaps" : "leaves a hole after",
                               previous.c_str()));
        }
        expected = tensor.data + tensor.n_bytes;
        before   = &tensor;
    }
    const auto used  = static_cast<size_t>(expected - data);
    const auto total = static_cast<size_t>(file.data() + file.size() - data);
    if (used != total) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: the header accounts for %zu bytes of tensors, the file holds %zu; the file is damaged",
                           file.path().c_str(),
                           used,
                           total));
    }
}

}  // namespace

safetensors_file::safetensors_file(const std::string & path) : file_(path) {
    const checked_header header = read_header(file_);
    const json_value     root   = json_value::parse(header.text.data(), header.text.size(), path, true);
    root.expect_object();

    const uint8_t * data = file_.data() + header.data_start;
    for (const auto & item : root.raw().items()) {
        const json_value entry = root.at(item.key());
        if (item.key() == "__metadata__") {
            check_metadata(entry);
            continue;
        }
        tensors_.push_back(parse_tensor(item.key(), entry, data, file_.size() - header.data_start));
    }
    // Empty tensors share their offset with the tensor that follows, and come before it.
    std::sort(tensors_.begin(), tensors_.end(), [](const tensor_view & a, const tensor_view & b) {
        return a.data != b.data ? a.data < b.data : a.n_bytes < b.n_bytes;
    });
    check_contiguous(file_, tensors_, data);
}

}  // namespace kstt
