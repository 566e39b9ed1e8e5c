#include "io/gguf-file.h"

#include "io/json-file.h"
#include "runtime/error.h"

#include <algorithm>
#include <array>
#include <set>

namespace kstt {
namespace {

constexpr uint32_t magic             = 0x46554747;  // "GGUF"
constexpr size_t   default_alignment = 32;
constexpr int64_t  max_alignment     = int64_t{ 1 } << 20U;
constexpr uint32_t max_dimensions    = 4;  // of ggml

struct type_number {
    uint32_t     number;
    element_type type;
};

// ggml.h, enum ggml_type.
constexpr std::array<type_number, 11> known_types = { { { 0, element_type::f32 },
                                                        { 1, element_type::f16 },
                                                        { 2, element_type::q4_0 },
                                                        { 8, element_type::q8_0 },
                                                        { 12, element_type::q4_k },
                                                        { 24, element_type::i8 },
                                                        { 25, element_type::i16 },
                                                        { 26, element_type::i32 },
                                                        { 27, element_type::i64 },
                                                        { 28, element_type::f64 },
                                                        { 30, element_type::bf16 } } };

[[noreturn]] void throw_format(const std::string & path, const std::string & problem) {
    throw error(KSTT_STATUS_MODEL_FORMAT, path + ": " + problem);
}

element_type type_of(uint32_t number, const std::string & path, const std::string & what) {
    for (const type_number & known : known_types) {
        if (known.number == number) {
            return known.type;
        }
    }
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                format("%s: %s is of ggml type %u; f32, f16, bf16, q8_0, q4_0 and q4_k can be read, convert the "
                       "checkpoint to one of them",
                       path.c_str(),
                       what.c_str(),
                       number));
}

// The shape of one tensor, slowest axis first.
std::vector<int64_t> read_shape(gguf_cursor & cursor, const std::string & what) {
    const uint32_t n_dimensions = cursor.u32(what);
    if (n_dimensions > max_dimensions) {
        throw_format(cursor.path(), format("%s has %u dimensions, at most 4 are allowed", what.c_str(), n_dimensions));
    }
    std::vector<int64_t> shape(n_dimensions);
    for (uint32_t i = 0; i < n_dimensions; ++i) {
        const uint64_t n = cursor.u64(what);
        if (n > static_cast<uint64_t>(INT64_MAX)) {
            throw_format(cursor.path(), what + " has a dimension above 2^63; the file is damaged");
        }
        shape[n_dimensions - 1 - i] = static_cast<int64_t>(n);
    }
    return shape;
}

uint64_t checked_bytes(const std::vector<int64_t> & shape,
                       element_type                 type,
                       const std::string &          path,
                       const std::string &          what) {
    const element_block block = element_type_block(type);
    const int64_t       row   = shape.empty() ? 1 : shape.back();
    if (row % block.n_elements != 0) {
        throw_format(path,
                     format("%s: rows of %lld values are not whole blocks of %s, %lld values each",
                            what.c_str(),
                            static_cast<long long>(row),
                            element_type_name(type),
                            static_cast<long long>(block.n_elements)));
    }
    // Half of what fits, so that the number of elements, at most 1.8 per byte, can be computed too.
    constexpr uint64_t max_bytes = static_cast<uint64_t>(INT64_MAX) / 2;
    uint64_t           bound     = block.n_bytes;
    bool               empty     = false;
    for (size_t i = 0; i < shape.size(); ++i) {
        const auto n = static_cast<uint64_t>(i + 1 == shape.size() ? row / block.n_elements : shape[i]);
        empty        = empty || n == 0;
        // A zero must not hide that the others overflow.
        if (n != 0 && bound > max_bytes / n) {
            throw_format(path, what + " claims a shape whose size does not fit in 62 bits; the file is damaged");
        }
        bound *= std::max(n, uint64_t{ 1 });
    }
    return empty ? 0 : bound;
}

void check_version(const std::string & path, uint32_t version) {
    if (version == 2 || version == 3) {
        return;
    }
    // Files in the other byte order have the version's bytes at the other end.
    const bool swapped = version != 0 && (version & 0xFFFFU) == 0;
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                swapped ? path + ": a big-endian GGUF file; convert the checkpoint on a little-endian machine"
                        : format("%s: GGUF version %u; versions 2 and 3 can be read", path.c_str(), version));
}

size_t read_alignment(const gguf_metadata & metadata) {
    const char * const key = "general.alignment";
    if (!metadata.contains(key)) {
        return default_alignment;
    }
    const int64_t alignment = metadata.integer(key, 1, max_alignment);
    if ((alignment & (alignment - 1)) != 0) {
        metadata.fail(key, "a power of two");
    }
    return static_cast<size_t>(alignment);
}

void check_overlaps(const std::string & path, const std::vector<tensor_view> & tensors) {
    std::vector<const tensor_view *> sorted;
    sorted.reserve(tensors.size());
    for (const tensor_view & tensor : tensors) {
        sorted.push_back(&tensor);
    }
    // Empty tensors may share their offset with the tensor that follows.
    std::sort(sorted.begin(), sorted.end(), [](const tensor_view * a, const tensor_view * b) {
        return a->data != b->data ? a->data < b->data : a->n_bytes < b->n_bytes;
    });
    for (size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i]->data < sorted[i - 1]->data + sorted[i - 1]->n_bytes) {
            throw_format(path,
                         "tensors " + printable(sorted[i - 1]->name) + " and " + printable(sorted[i]->name) +
                             " overlap; the file is damaged");
        }
    }
}

}  // namespace

uint32_t gguf_tensor_type(element_type type) {
    for (const type_number & known : known_types) {
        if (known.type == type) {
            return known.number;
        }
    }
    throw error(KSTT_STATUS_INTERNAL, format("GGUF has no type %s", element_type_name(type)));
}

gguf_file::gguf_file(const std::string & path) : file_(path) {
    gguf_cursor cursor(file_.data(), file_.size(), path);
    if (cursor.u32("the magic number") != magic) {
        throw_format(path, "is no GGUF file: it does not begin with the letters GGUF");
    }
    version_ = cursor.u32("the version");
    check_version(path, version_);
    const uint64_t n_tensors = cursor.u64("the number of tensors");
    const uint64_t n_values  = cursor.u64("the number of metadata keys");
    metadata_.read(cursor, n_values);
    alignment_ = read_alignment(metadata_);
    read_tensors(cursor, n_tensors);
    check_overlaps(path, tensors_);
}

void gguf_file::read_tensors(gguf_cursor & cursor, uint64_t n) {
    struct claim {
        uint64_t offset;
        uint64_t n_bytes;
    };

    const std::string &   path = file_.path();
    std::vector<claim>    claims;
    std::set<std::string> names;
    for (uint64_t i = 0; i < n; ++i) {
        tensor_view tensor;
        tensor.name            = cursor.string(format("the name of tensor %llu", static_cast<unsigned long long>(i)));
        const std::string what = "tensor " + printable(tensor.name);
        if (!names.insert(tensor.name).second) {
            throw_format(path, what + " is given twice; the file is damaged");
        }
        tensor.shape          = read_shape(cursor, what);
        tensor.type           = type_of(cursor.u32(what), path, what);
        const uint64_t offset = cursor.u64(what);
        if (offset % alignment_ != 0) {
            throw_format(path,
                         format("%s starts at byte %llu of the data, no multiple of general.alignment, %zu",
                                what.c_str(),
                                static_cast<unsigned long long>(offset),
                                alignment_));
        }
        claims.push_back({ offset, checked_bytes(tensor.shape, tensor.type, path, what) });
        tensors_.push_back(std::move(tensor));
    }
    const size_t padding = (alignment_ - cursor.position() % alignment_) % alignment_;
    if (n > 0) {
        (void) cursor.take(padding, 1, "the padding after the tensor infos");
    }
    const uint8_t * data = file_.data() + cursor.position();
    const size_t    size = cursor.left();
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (claims[i].offset > size || claims[i].n_bytes > size - claims[i].offset) {
            throw_format(path,
                         format("truncated or damaged: tensor %s needs %llu bytes from byte %llu of the data on, the "
                                "file holds %zu; fetch or convert it again",
                                printable(tensors_[i].name).c_str(),
                                static_cast<unsigned long long>(claims[i].n_bytes),
                                static_cast<unsigned long long>(claims[i].offset),
                                size));
        }
        tensors_[i].data    = data + claims[i].offset;
        tensors_[i].n_bytes = static_cast<size_t>(claims[i].n_bytes);
    }
}

}  // namespace kstt
