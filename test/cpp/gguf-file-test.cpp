// The GGUF reader: what it reads, and that every wrong claim is refused with file and key.
#include "io/gguf-file.h"

#include "check.h"
#include "gguf-bytes.h"
#include "mutate.h"
#include "temp-folder.h"

#include <ggml.h>

#include <cmath>
#include <limits>
#include <random>

using namespace kstt;

namespace {

constexpr kstt_status format_status      = KSTT_STATUS_MODEL_FORMAT;
constexpr kstt_status unsupported_status = KSTT_STATUS_MODEL_UNSUPPORTED;

// One pair of every type, and tensors of three types.
gguf_parts full_file() {
    gguf_parts parts;
    parts.pairs = {
        gguf_pair("general.alignment", 4, le_bytes<uint32_t>(64)),
        gguf_pair("a.u8", 0, le_bytes<uint8_t>(200)),
        gguf_pair("a.i8", 1, le_bytes<int8_t>(-100)),
        gguf_pair("a.u16", 2, le_bytes<uint16_t>(60000)),
        gguf_pair("a.i16", 3, le_bytes<int16_t>(-30000)),
        gguf_pair("a.u32", 4, le_bytes<uint32_t>(4000000000U)),
        gguf_pair("a.i32", 5, le_bytes<int32_t>(-2000000000)),
        gguf_pair("a.f32", 6, le_bytes<float>(0.5F)),
        gguf_pair("a.bool", 7, le_bytes<uint8_t>(1)),
        gguf_pair("a.string", 8, gguf_string("Grüße")),
        gguf_pair("a.u64", 10, le_bytes<uint64_t>(uint64_t{ 1 } << 62U)),
        gguf_pair("a.i64", 11, le_bytes<int64_t>(INT64_MIN)),
        gguf_pair("a.f64", 12, le_bytes<double>(1e-8)),
        gguf_array("a.integers", 3, 2, le_bytes<int16_t>(-1) + le_bytes<int16_t>(7)),
        gguf_array("a.numbers", 6, 2, le_bytes<float>(0.25F) + le_bytes<float>(4.0F)),
        gguf_array("a.strings", 8, 2, gguf_string("") + gguf_string("two")),
        gguf_array("a.bytes", 0, 3, "abc"),
        gguf_array("a.nothing", 8, 0, ""),
    };
    parts.alignment = 64;
    parts.tensors   = { { "first", { 3, 2 }, 0, 0 }, { "second", { 64, 1 }, 8, 64 }, { "third", { 2 }, 30, 192 } };
    parts.data      = std::string(196, '\1');
    return parts;
}

std::string write(const temp_folder & folder, const gguf_parts & parts) {
    return folder.write("x.gguf", parts.bytes());
}

template <typename... Words>
void refuse(int line, const gguf_parts & parts, kstt_status status, const Words &... words) {
    const temp_folder folder;
    const std::string path = write(folder, parts);
    check_throws(__FILE__, line, [&] { const gguf_file file(path); }, status, "x.gguf", words...);
}

#define REFUSE(...) refuse(__LINE__, __VA_ARGS__)

void test_values() {
    const temp_folder folder;
    for (const uint32_t version : { 2U, 3U }) {
        gguf_parts parts = full_file();
        parts.version    = version;
        const gguf_file file(write(folder, parts));
        CHECK_EQUAL(file.version(), version);
        CHECK_EQUAL(file.alignment(), size_t{ 64 });
        const gguf_metadata & metadata = file.metadata();
        CHECK_EQUAL(metadata.values().size(), parts.pairs.size());
        CHECK_EQUAL(metadata.integer("a.u8", 0, 255), 200);
        CHECK_EQUAL(metadata.integer("a.i8", -128, 0), -100);
        CHECK_EQUAL(metadata.integer("a.u16", 0, 65535), 60000);
        CHECK_EQUAL(metadata.integer("a.i16", INT16_MIN, 0), -30000);
        CHECK_EQUAL(metadata.integer("a.u32", 0, UINT32_MAX), 4000000000LL);
        CHECK_EQUAL(metadata.integer("a.i32", INT32_MIN, 0), -2000000000);
        CHECK_EQUAL(metadata.integer("a.u64", 0, INT64_MAX), int64_t{ 1 } << 62U);
        CHECK_EQUAL(metadata.integer("a.i64", INT64_MIN, 0), INT64_MIN);
        CHECK_EQUAL(metadata.number("a.f32"), 0.5);
        CHECK_EQUAL(metadata.number("a.f64"), 1e-8);
        CHECK_EQUAL(metadata.number("a.i8"), -100.0);
        CHECK(metadata.boolean("a.bool"));
        CHECK_EQUAL(metadata.string("a.string"), "Grüße");
        CHECK(metadata.integers("a.integers") == std::vector<int64_t>({ -1, 7 }));
        CHECK(metadata.numbers("a.numbers") == std::vector<double>({ 0.25, 4.0 }));
        CHECK(metadata.strings("a.strings") == std::vector<std::string>({ "", "two" }));
        CHECK(metadata.strings("a.nothing").empty());
        CHECK_EQUAL(metadata.bytes("a.bytes"), "abc");
        CHECK(!metadata.contains("absent"));
    }
}

void test_tensors() {
    const temp_folder folder;
    const gguf_file   file(write(folder, full_file()));
    CHECK_EQUAL(file.tensors().size(), size_t{ 3 });
    const tensor_view & first = file.tensors()[0];
    CHECK_EQUAL(first.name, "first");
    CHECK(first.shape == std::vector<int64_t>({ 2, 3 }));
    CHECK_EQUAL(first.n_bytes, size_t{ 24 });
    const tensor_view & second = file.tensors()[1];
    CHECK(second.type == element_type::q8_0);
    CHECK_EQUAL(second.n_bytes, size_t{ 68 });
    CHECK_EQUAL(second.n_elements(), 64);
    CHECK_EQUAL(static_cast<size_t>(second.data - first.data), size_t{ 64 });
    CHECK_EQUAL(reinterpret_cast<uintptr_t>(first.data) % 64, uintptr_t{ 0 });
    CHECK(file.tensors()[2].type == element_type::bf16);
}

void test_wrong_values() {
    const temp_folder     folder;
    const gguf_file       file(write(folder, full_file()));
    const gguf_metadata & m = file.metadata();
    CHECK_THROWS(m.integer("none", 0, 1), format_status, "x.gguf", "none", "an integer from 0 to 1", "absent");
    CHECK_THROWS(m.integer("a.u8", 0, 100), format_status, "a.u8", "from 0 to 100", "200");
    CHECK_THROWS(m.integer("a.f32", 0, 1), format_status, "a.f32", "f32 0.5");
    CHECK_THROWS(m.integer("a.bool", 0, 1), format_status, "a.bool");
    CHECK_THROWS(m.integer("a.bytes", 0, 1), format_status, "a.bytes", "array of 3 x u8");
    CHECK_THROWS(m.number("a.string"), format_status, "a.string", "Grüße");
    CHECK_THROWS(m.boolean("a.u8"), format_status, "a.u8", "a bool");
    CHECK_THROWS(m.string("a.u8"), format_status, "a.u8", "a string");
    CHECK_THROWS(m.string("a.strings"), format_status, "a.strings");
    CHECK_THROWS(m.integers("a.numbers"), format_status, "a.numbers", "array of integers");
    CHECK_THROWS(m.integers("a.u8"), format_status, "a.u8");
    CHECK_THROWS(m.numbers("a.strings"), format_status, "a.strings");
    CHECK_THROWS(m.strings("a.bytes"), format_status, "a.bytes");
    CHECK_THROWS(m.bytes("a.integers"), format_status, "a.integers", "array of bytes");
    CHECK_THROWS(m.bytes("a.string"), format_status, "a.string");
    gguf_parts parts = full_file();
    parts.pairs.push_back(gguf_pair("b.nan", 12, le_bytes(std::nan(""))));
    parts.pairs.push_back(gguf_pair("b.inf", 6, le_bytes(std::numeric_limits<float>::infinity())));
    parts.pairs.push_back(gguf_pair("b.huge", 10, le_bytes<uint64_t>(UINT64_MAX)));
    const temp_folder other;
    const gguf_file   odd(write(other, parts));
    CHECK_THROWS(odd.metadata().number("b.nan"), format_status, "b.nan", "not finite");
    CHECK_THROWS(odd.metadata().number("b.inf"), format_status, "b.inf", "not finite");
    CHECK_THROWS(odd.metadata().integer("b.huge", 0, 5), format_status, "b.huge", "above 2^63");
    CHECK_THROWS(odd.metadata().string("b.nan"), format_status, "b.nan");
}

void test_wrong_headers() {
    gguf_parts parts = full_file();
    parts.magic      = "GGML";
    REFUSE(parts, format_status, "letters GGUF");
    for (const uint32_t version : { 0U, 1U, 4U }) {
        parts         = full_file();
        parts.version = version;
        REFUSE(parts, unsupported_status, "versions 2 and 3");
    }
    parts         = full_file();
    parts.version = 3U << 24U;
    REFUSE(parts, unsupported_status, "big-endian");
    parts         = full_file();
    parts.n_pairs = INT64_MAX;
    REFUSE(parts, format_status, "metadata key");
    parts           = full_file();
    parts.n_tensors = INT64_MAX;
    REFUSE(parts, format_status, "tensor");
    parts = full_file();
    parts.pairs.push_back(gguf_pair("a.u8", 0, "x"));
    REFUSE(parts, format_status, "a.u8", "twice");
    for (const uint32_t alignment : { 0U, 3U, 96U, 1U << 30U }) {
        parts          = full_file();
        parts.pairs[0] = gguf_pair("general.alignment", 4, le_bytes(alignment));
        REFUSE(parts, format_status, "general.alignment");
    }
    parts          = full_file();
    parts.pairs[0] = gguf_pair("general.alignment", 8, gguf_string("64"));
    REFUSE(parts, format_status, "general.alignment");
}

void test_wrong_metadata() {
    const std::string large  = le_bytes<uint64_t>(uint64_t{ 1 } << 63U);
    const std::string keys[] = {
        gguf_pair("bad", 13, "x"),                                                    // no such type
        gguf_pair("bad", 0xFFFFFFFFU, "x"),                                           //
        gguf_pair("bad", 7, "\2"),                                                    // a bool of 2
        gguf_pair("bad", 8, large + "text"),                                          // strings that end nowhere
        gguf_array("bad", 8, 2, gguf_string("a") + le_bytes<uint64_t>(UINT64_MAX)),   //
        gguf_array("bad", 13, 1, "x"),                                                // elements of no type
        gguf_array("bad", 7, 2, std::string("\1\3")),                                 //
        gguf_pair("bad", 9, le_bytes<uint32_t>(8) + large),                           // 2^63 elements
        gguf_pair("bad", 9, le_bytes<uint32_t>(12) + large),                          //
        gguf_pair("bad", 9, le_bytes<uint32_t>(0) + le_bytes<uint64_t>(UINT64_MAX)),  //
    };
    for (const std::string & key : keys) {
        gguf_parts parts = full_file();
        parts.pairs.push_back(key);
        REFUSE(parts, format_status, "bad");
    }
    gguf_parts parts = full_file();
    parts.pairs.push_back(gguf_pair("bad", 9, le_bytes<uint32_t>(9) + le_bytes<uint64_t>(0)));
    REFUSE(parts, unsupported_status, "bad", "array of arrays");
    for (const std::string & key : { std::string(), std::string(70000, 'k') }) {
        parts = full_file();
        parts.pairs.push_back(gguf_pair(key, 0, "x"));
        REFUSE(parts, format_status, "key 18", "65535");
    }
    parts = full_file();
    parts.pairs.push_back(large);
    REFUSE(parts, format_status, "key 18", "truncated");
}

void test_wrong_tensors() {
    const auto with = [](const gguf_info & info) {
        gguf_parts parts = full_file();
        parts.tensors[1] = info;
        return parts;
    };
    REFUSE(with({ "first", { 1 }, 0, 64 }), format_status, "first", "twice");
    REFUSE(with({ "bad", { 1, 1, 1, 1, 1 }, 0, 64 }), format_status, "bad", "5 dimensions");
    REFUSE(with({ "bad", { uint64_t{ 1 } << 63U }, 0, 64 }), format_status, "bad", "2^63");
    REFUSE(with({ "bad", { uint64_t{ 1 } << 62U, 8 }, 0, 64 }), format_status, "bad", "62 bits");
    REFUSE(with({ "bad", { uint64_t{ 1 } << 62U, 8, 0 }, 0, 64 }), format_status, "bad", "62 bits");
    REFUSE(with({ "bad", { 0, uint64_t{ 1 } << 62U, 8 }, 0, 64 }), format_status, "bad", "62 bits");
    REFUSE(with({ "bad", { 33 }, 8, 64 }), format_status, "bad", "blocks of q8_0");
    REFUSE(with({ "bad", { 128 }, 12, 64 }), format_status, "bad", "blocks of q4_k");
    REFUSE(with({ "bad", { 32 }, 3, 64 }), unsupported_status, "bad", "type 3");
    REFUSE(with({ "bad", { 32 }, 99, 64 }), unsupported_status, "bad", "type 99");
    REFUSE(with({ "bad", { 1 }, 0, 65 }), format_status, "bad", "general.alignment, 64");
    REFUSE(with({ "bad", { 1 }, 0, 256 }), format_status, "bad", "truncated");
    REFUSE(with({ "bad", { 1 }, 0, uint64_t{ 1 } << 63U }), format_status, "bad", "truncated");
    REFUSE(with({ "bad", { 33 }, 0, 64 }), format_status, "bad", "third", "overlap");
    REFUSE(with({ "bad", { 1 }, 0, 0 }), format_status, "bad", "first", "overlap");
    REFUSE(with({ "bad", { 49 }, 0, 0 }), format_status, "overlap");
}

// A file cut anywhere is refused, and no damage leads to anything but a file or a typed error.
void test_truncated_and_mutated() {
    const std::string whole = full_file().bytes();
    const temp_folder folder;
    for (size_t n = 0; n < whole.size(); ++n) {
        const std::string path = folder.write("x.gguf", whole.substr(0, n));
        CHECK_THROWS(const gguf_file file(path), format_status, "x.gguf");
    }
    int n_refused = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        const std::string path = folder.write("x.gguf", mutate(whole, seed));
        try {
            const gguf_file file(path);
            for (const gguf_value & value : file.metadata().values()) {
                try {
                    (void) file.metadata().string(value.key);
                } catch (const error & e) {
                    CHECK_EQUAL(e.status(), format_status);
                }
            }
            for (const tensor_view & tensor : file.tensors()) {
                CHECK(tensor.data + tensor.n_bytes <= file.file().data() + file.file().size());
            }
        } catch (const error & e) {
            ++n_refused;
            CHECK(e.status() == format_status || e.status() == unsupported_status);
        }
    }
    CHECK(n_refused > 1000);
}

// The block formats have ggml's sizes and give ggml's values.
void test_block_formats() {
    std::mt19937                             random(7);
    std::normal_distribution<float>          normal;
    std::vector<float>                       values(2048);
    const std::pair<element_type, ggml_type> pairs[] = { { element_type::q8_0, GGML_TYPE_Q8_0 },
                                                         { element_type::q4_0, GGML_TYPE_Q4_0 },
                                                         { element_type::q4_k, GGML_TYPE_Q4_K } };
    for (const auto & [type, ggml] : pairs) {
        const element_block block = element_type_block(type);
        CHECK_EQUAL(block.n_elements, ggml_blck_size(ggml));
        CHECK_EQUAL(block.n_bytes, ggml_type_size(ggml));
        CHECK_EQUAL(gguf_tensor_type(type), static_cast<uint32_t>(ggml));
        CHECK(is_block_format(type));
        for (float & value : values) {
            value = normal(random);
        }
        std::vector<uint8_t> quants(ggml_row_size(ggml, static_cast<int64_t>(values.size())));
        ggml_quantize_chunk(ggml, values.data(), quants.data(), 0, 4, 512, nullptr);
        std::vector<float> expected(values.size());
        ggml_get_type_traits(ggml)->to_float(quants.data(), expected.data(), static_cast<int64_t>(expected.size()));
        std::vector<float> found(values.size());
        convert_to_f32({ "quants", type, { 4, 512 }, quants.data(), quants.size() }, found.data());
        CHECK(found == expected);
    }
    CHECK(!is_block_format(element_type::bf16));
    CHECK_THROWS(element_type_size(element_type::q4_k), KSTT_STATUS_INTERNAL);
    CHECK_THROWS(gguf_tensor_type(element_type::boolean), KSTT_STATUS_INTERNAL, "bool");
}

}  // namespace

int main() {
    return check_run({ test_values,
                       test_tensors,
                       test_wrong_values,
                       test_wrong_headers,
                       test_wrong_metadata,
                       test_wrong_tensors,
                       test_truncated_and_mutated,
                       test_block_formats });
}
