#include "check.h"
#include "io/checkpoint.h"
#include "io/model-config.h"
#include "safetensors-bytes.h"
#include "temp-folder.h"
#include "without-rights.h"

#include <cmath>
#include <limits>

#if !defined(_WIN32)
#    include <sys/stat.h>
#endif

namespace {

using kstt::checkpoint;
using kstt::element_type;
using kstt::tensor_view;

const char * const single = "model.safetensors";
const char * const index  = "model.safetensors.index.json";

stored_tensor f32_tensor(const std::string & name, int64_t n, char fill) {
    return { name, "F32", { n }, std::string(static_cast<size_t>(4 * n), fill) };
}

void test_single() {
    const temp_folder folder;
    folder.write(single,
                 safetensors_bytes({ f32_tensor("a", 3, 'a'),
                                     { "half", "F16", { 2, 2 }, std::string(8, 'h') },
                                     { "brain", "BF16", { 1 }, "bb" },
                                     { "count", "I64", { 1 }, std::string(8, '\0') } }));
    const auto opened = checkpoint::open(folder.path());
    CHECK_EQUAL(opened->tensors().size(), 4U);
    CHECK(opened->find("b") == nullptr);
    CHECK(opened->find("a") != nullptr);
    CHECK_EQUAL(opened->get("half", { 2, 2 }).n_bytes, 8U);
    CHECK(opened->get("brain", { 1 }).type == element_type::bf16);

    CHECK_THROWS(opened->get("b", { 3 }), KSTT_STATUS_MODEL_FORMAT, "tensor b is missing", "[3]");
    CHECK_THROWS(
        opened->get("a", { 3, 1 }), KSTT_STATUS_MODEL_FORMAT, single, "tensor a: expected shape [3, 1]", "found [3]");
    CHECK_THROWS(opened->get("a", {}), KSTT_STATUS_MODEL_FORMAT, "expected shape []");
    CHECK_THROWS(
        opened->get("count", { 1 }), KSTT_STATUS_MODEL_FORMAT, "tensor count", "f32, f16 or bf16", "found i64");

    CHECK_EQUAL(opened->regions().size(), 1U);
    const checkpoint::region region = opened->regions()[0];
    for (const tensor_view & tensor : opened->tensors()) {
        CHECK(tensor.data >= region.data && tensor.data + tensor.n_bytes <= region.data + region.size);
        opened->release(tensor);
    }
    CHECK_EQUAL(opened->get("a", { 3 }).data[11], static_cast<uint8_t>('a'));
}

void test_shards() {
    const temp_folder folder;
    const std::string first  = safetensors_bytes({ f32_tensor("a", 1, 'a'), f32_tensor("b", 1, 'b') });
    const std::string second = safetensors_bytes({ f32_tensor("c", 1, 'c') });
    folder.write("model-00001-of-00002.safetensors", first);
    folder.write("model-00002-of-00002.safetensors", second);
    const std::string good = R"({"metadata":{"total_size":12},"weight_map":{"a":"model-00001-of-00002.safetensors",
        "b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}})";
    folder.write(index, good);

    const auto opened = checkpoint::open(folder.path());
    CHECK_EQUAL(opened->tensors().size(), 3U);
    CHECK_EQUAL(opened->regions().size(), 2U);
    CHECK_EQUAL(opened->get("c", { 1 }).data[0], static_cast<uint8_t>('c'));
    opened->release(opened->get("c", { 1 }));
    CHECK_THROWS(opened->get("c", { 2 }), KSTT_STATUS_MODEL_FORMAT, "model-00002-of-00002.safetensors: tensor c");

    const auto throws = [&](const std::string & text, kstt_status status, const char * one, const char * two = "") {
        folder.write(index, text);
        CHECK_THROWS(checkpoint::open(folder.path()), status, one, two);
    };
    const kstt_status bad = KSTT_STATUS_MODEL_FORMAT;
    throws("", bad, index, "not valid JSON");
    throws("[]", bad, index, "must be an object");
    throws("{}", bad, "weight_map is missing");
    throws(R"({"weight_map":[]})", bad, "weight_map must be an object");
    throws(R"({"weight_map":{}})", bad, "weight_map must be", "at least one");
    throws(R"({"weight_map":{"a":1}})", bad, "weight_map.a must be a string");
    for (const char * name :
         { "", ".", "..", "../model.safetensors", "/etc/passwd", "a/b", "a\\\\b", "C:x", "x\\u0000" }) {
        throws(std::string(R"({"weight_map":{"a":")") + name + "\"}}", bad, "weight_map.a must be the name of a file");
    }
    throws(R"({"weight_map":{"a":"gone.safetensors"}})", KSTT_STATUS_FILE_NOT_FOUND, "gone.safetensors", "all shards");
    throws(R"({"weight_map":{"a":"model-00002-of-00002.safetensors"}})",
           bad,
           "tensor a",
           "should be in model-00002-of-00002.safetensors");
    throws(R"({"weight_map":{"a":"model-00001-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}})",
           bad,
           "tensor c",
           "should be in model-00001");
    throws(R"({"weight_map":{"a":"model-00001-of-00002.safetensors","z":"model-00001-of-00002.safetensors"}})",
           bad,
           "tensor z");

    folder.write("model-00002-of-00002.safetensors",
                 safetensors_bytes({ f32_tensor("c", 1, 'c'), f32_tensor("a", 1, 'a') }));
    throws(good, bad, "tensor a is in both", "model-00002");
    folder.write("model-00002-of-00002.safetensors", second.substr(0, second.size() - 1));
    throws(good, bad, "model-00002-of-00002.safetensors", "ends at byte 4");

    // transformers prefers the single file.
    folder.write(single, safetensors_bytes({ f32_tensor("only", 1, 'o') }));
    CHECK_EQUAL(checkpoint::open(folder.path())->tensors().size(), 1U);
}

void test_folders() {
    const temp_folder folder;
    CHECK_THROWS(checkpoint::open(folder.path("absent")), KSTT_STATUS_FILE_NOT_FOUND, "absent", "no such folder");
    CHECK_THROWS(checkpoint::open(""), KSTT_STATUS_FILE_NOT_FOUND, "empty");
    CHECK_THROWS(checkpoint::open(folder.write("x.safetensors", "x")),
                 KSTT_STATUS_FILE_ACCESS,
                 "is not a folder",
                 "give the folder");
    CHECK_THROWS(checkpoint::open(folder.path()), KSTT_STATUS_FILE_NOT_FOUND, single, "transformers layout");
    folder.write("pytorch_model.bin", "x");
    CHECK_THROWS(checkpoint::open(folder.path()),
                 KSTT_STATUS_FILE_NOT_FOUND,
                 "pytorch_model.bin is not read",
                 "save_pretrained");
}

#if !defined(_WIN32)
void test_permissions() {
    const temp_folder folder;
    folder.write(single, safetensors_bytes({ f32_tensor("a", 1, 'a') }));
    CHECK(chmod(folder.path().c_str(), 0) == 0);
    CHECK(fails_with_access_error([&] { checkpoint::open(folder.path()); }));
    CHECK(fails_with_access_error([&] { kstt::read_model_config(folder.path()); }));
    CHECK(chmod(folder.path().c_str(), 0755) == 0 && chmod(folder.path(single).c_str(), 0) == 0);
    CHECK(fails_with_access_error([&] { checkpoint::open(folder.path()); }));
}
#else
void test_permissions() {
    std::printf("skipped: permissions (POSIX only)\n");
}
#endif

// The value of a f16 or bf16 bit pattern from its definition, in double precision.
double value_of(uint16_t bits, int n_mantissa_bits) {
    const int    n_exponent_bits = 15 - n_mantissa_bits;
    const int    bias            = (1 << (n_exponent_bits - 1)) - 1;
    const int    exponent        = (bits >> n_mantissa_bits) & ((1 << n_exponent_bits) - 1);
    const double mantissa        = bits & ((1 << n_mantissa_bits) - 1);
    const double sign            = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << n_exponent_bits) - 1) {
        return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                             : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) {
        return sign * std::ldexp(mantissa, 1 - bias - n_mantissa_bits);
    }
    return sign * std::ldexp(std::ldexp(1.0, n_mantissa_bits) + mantissa, exponent - bias - n_mantissa_bits);
}

void test_conversion() {
    // One byte in front: views are not aligned.
    std::vector<uint8_t> bytes(1);
    for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
        bytes.push_back(static_cast<uint8_t>(bits & 0xFFU));
        bytes.push_back(static_cast<uint8_t>(bits >> 8U));
    }
    for (const element_type type : { element_type::f16, element_type::bf16 }) {
        const tensor_view  tensor{ "all", type, { 256, 256 }, bytes.data() + 1, bytes.size() - 1 };
        std::vector<float> values(0x10000);
        convert_to_f32(tensor, values.data());
        int n_wrong = 0;
        for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
            const double expected = value_of(static_cast<uint16_t>(bits), type == element_type::f16 ? 10 : 7);
            const float  found    = values[bits];
            const bool   same     = std::isnan(expected) ? std::isnan(found)
                                                         : static_cast<double>(found) == expected &&
                                                         std::signbit(found) == ((bits & 0x8000U) != 0);
            n_wrong += same ? 0 : 1;
        }
        CHECK_EQUAL(n_wrong, 0);
    }
    const float       numbers[3] = { 1.5F, -0.0F, 3e38F };
    const tensor_view plain{
        "plain", element_type::f32, { 3 }, reinterpret_cast<const uint8_t *>(numbers), sizeof(numbers)
    };
    float copy[3] = {};
    convert_to_f32(plain, copy);
    CHECK(copy[0] == 1.5F && copy[1] == 0.0F && std::signbit(copy[1]) && copy[2] == 3e38F);

    const tensor_view integers{ "integers", element_type::i32, { 3 }, plain.data, plain.n_bytes };
    CHECK_THROWS(convert_to_f32(integers, copy), KSTT_STATUS_MODEL_FORMAT, "integers", "found i32");
    const tensor_view wrong{ "wrong", element_type::f32, { 4 }, plain.data, plain.n_bytes };
    CHECK_THROWS(convert_to_f32(wrong, copy), KSTT_STATUS_INTERNAL, "element-type.cpp");
}

}  // namespace

int main() {
    return check_run({ test_single, test_shards, test_folders, test_permissions, test_conversion });
}
