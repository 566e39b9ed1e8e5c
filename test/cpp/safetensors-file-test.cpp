#include "check.h"
#include "io/safetensors-file.h"
#include "mutate.h"
#include "safetensors-bytes.h"
#include "temp-folder.h"
#include "without-rights.h"

#include <cstring>

#if !defined(_WIN32)
#    include <sys/stat.h>
#endif

namespace {

using kstt::element_type;
using kstt::safetensors_file;

std::string valid_bytes() {
    return safetensors_bytes({ { "a", "F32", { 2, 3 }, std::string(24, 'a') },
                               { "b", "BF16", { 4 }, std::string(8, 'b') },
                               { "empty", "F16", { 0, 7 }, "" },
                               { "scalar", "I64", {}, std::string(8, 's') },
                               { "c", "BOOL", { 1 }, "c" } });
}

void test_valid() {
    const temp_folder      folder;
    const std::string      bytes = valid_bytes();
    const safetensors_file file(folder.write("valid.safetensors", bytes));
    CHECK_EQUAL(file.tensors().size(), 5U);
    CHECK_EQUAL(file.file().size(), bytes.size());

    const kstt::tensor_view & a = file.tensors()[0];
    CHECK_EQUAL(a.name, "a");
    CHECK(a.type == element_type::f32);
    CHECK(a.shape == (std::vector<int64_t>{ 2, 3 }));
    CHECK_EQUAL(a.n_bytes, 24U);
    CHECK(std::memcmp(a.data, std::string(24, 'a').data(), 24) == 0);

    CHECK_EQUAL(file.tensors()[2].name, "empty");
    CHECK_EQUAL(file.tensors()[2].n_elements(), 0);
    CHECK_EQUAL(file.tensors()[3].name, "scalar");
    CHECK_EQUAL(file.tensors()[3].n_elements(), 1);
    CHECK_EQUAL(file.tensors()[4].data[0], static_cast<uint8_t>('c'));

    // Releasing is a hint: the bytes stay readable.
    file.file().release(a.data, a.n_bytes);
    file.file().release(file.file().data(), file.file().size());
    CHECK_EQUAL(a.data[5], static_cast<uint8_t>('a'));
    CHECK_THROWS(file.file().release(a.data, bytes.size()), KSTT_STATUS_INTERNAL);

    CHECK_EQUAL(safetensors_file(folder.write("none.safetensors", safetensors_bytes("{}", ""))).tensors().size(), 0U);
    // Writers pad the header with spaces.
    CHECK_EQUAL(safetensors_file(folder.write("pad.safetensors", safetensors_bytes("{}      ", ""))).tensors().size(),
                0U);
}

void test_lengths() {
    const temp_folder folder;
    const auto        throws = [&](const std::string & bytes, const char * word) {
        CHECK_THROWS(safetensors_file(folder.write("bad.safetensors", bytes)),
                     KSTT_STATUS_MODEL_FORMAT,
                     "bad.safetensors",
                     word);
    };
    const auto length = [](uint64_t n) {
        std::string bytes(8, '\0');
        for (size_t i = 0; i < 8; ++i) {
            bytes[i] = static_cast<char>((n >> (8 * i)) & 0xFFU);
        }
        return bytes;
    };
    throws("", "truncated: 0 bytes");
    throws("1234567", "truncated: 7 bytes");
    throws(length(2), "the header claims 2 bytes, the file holds 0");
    throws(length(3) + "{}", "the header claims 3 bytes, the file holds 2");
    throws(length(100000001) + "{}", "at most 100000000");
    throws(length(uint64_t{ 1 } << 63U) + "{}", "9223372036854775808");
    throws(length(UINT64_MAX) + "{}", "18446744073709551615");
    throws(length(UINT64_MAX - 7) + "{}", "18446744073709551608");
    throws(length(0), "not valid JSON");

    const std::string bytes = valid_bytes();
    int               n_bad = 0;
    for (size_t size = 0; size < bytes.size(); ++size) {
        try {
            const safetensors_file file(folder.write("cut.safetensors", bytes.substr(0, size)));
        } catch (const kstt::error & e) {
            n_bad += e.status() == KSTT_STATUS_MODEL_FORMAT ? 1 : 0;
        }
    }
    CHECK_EQUAL(n_bad, static_cast<int>(bytes.size()));
}

void test_headers() {
    const temp_folder folder;
    const auto        throws = [&](const std::string & header,
                            size_t              n_data,
                            kstt_status         status,
                            const char *        first,
                            const char *        second = "") {
        const std::string bytes = safetensors_bytes(header, std::string(n_data, 'x'));
        CHECK_THROWS(
            safetensors_file(folder.write("bad.safetensors", bytes)), status, "bad.safetensors", first, second);
    };
    const kstt_status bad = KSTT_STATUS_MODEL_FORMAT;
    throws("not json", 0, bad, "not valid JSON");
    throws("{\"a\":", 0, bad, "not valid JSON");
    throws("{\"\xff\":1}", 0, bad, "not valid JSON");
    throws("[]", 0, bad, "must be an object, but is an array");
    throws("{\"a\":5}", 0, bad, "a must be an object, but is 5");
    throws(std::string(100, '['), 0, bad, "nested deeper");
    throws(std::string(1000000, '['), 0, bad, "nested deeper");

    const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
    throws("{" + a + "," + a + "}", 4, bad, "\"a\" occurs twice");
    throws("{" + a + "}", 3, bad, "a.data_offsets ends at byte 4", "holds only 3");
    throws("{" + a + "}", 5, bad, "accounts for 4 bytes", "holds 5");

    const auto one = [](const std::string & dtype, const std::string & shape, const std::string & offsets) {
        return R"({"w.x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
    };
    throws(R"({"w":{"shape":[1],"data_offsets":[0,4]}})", 4, bad, "w.dtype is missing");
    throws(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", 4, bad, "w.shape is missing");
    throws(R"({"w":{"dtype":"F32","shape":[1]}})", 4, bad, "w.data_offsets is missing");
    throws(one("\"F31\"", "[1]", "[0,4]"), 4, bad, "w.x.dtype", "\"F31\"");
    throws(one("4", "[1]", "[0,4]"), 4, bad, "w.x.dtype must be a string, but is 4");
    throws(one("\"F8_E4M3\"", "[4]", "[0,4]"), 4, KSTT_STATUS_MODEL_UNSUPPORTED, "w.x.dtype is F8_E4M3", "BF16");
    throws(one("\"F32\"", "1", "[0,4]"), 4, bad, "w.x.shape must be an array");
    throws(one("\"F32\"", "[-1]", "[0,4]"), 4, bad, "w.x.shape[0]", "-1");
    throws(one("\"F32\"", "[1.0]", "[0,4]"), 4, bad, "w.x.shape[0]", "1.0");
    throws(one("\"F32\"", "[18446744073709551615]", "[0,4]"), 4, bad, "w.x.shape[0]");
    throws(one("\"F32\"", "[99999999999999999999999]", "[0,4]"), 4, bad, "w.x.shape[0]");
    throws(one("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, bad, "w.x.shape", "63 bits");
    throws(one("\"F32\"", "[4294967296,4294967296,0]", "[0,0]"), 0, bad, "w.x.shape", "63 bits");
    throws(one("\"F32\"", "[2]", "[0,4]"), 4, bad, "w.x.data_offsets cover 4 bytes", "f32 need 8");
    throws(one("\"BF16\"", "[4]", "[0,4]"), 4, bad, "bf16 need 8");
    throws(one("\"F32\"", "[1]", "[4,0]"), 4, bad, "w.x.data_offsets", "rising order");
    throws(one("\"F32\"", "[1]", "[0]"), 4, bad, "w.x.data_offsets", "two offsets");
    throws(one("\"F32\"", "[1]", "[-4,0]"), 4, bad, "w.x.data_offsets[0]", "-4");
    throws(one("\"F32\"", "[1]", "[0,9223372036854775807]"), 4, bad, "ends at byte 9223372036854775807");
    throws(one("\"F32\"", "[1]", "[9223372036854775804,9223372036854775808]"), 4, bad, "w.x.data_offsets[1]");

    const auto two = [](const char * first, const char * second) {
        return std::string(R"({"p":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
               R"(},"q":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
    };
    throws(two("[0,4]", "[2,6]"), 6, bad, "tensor q starts at byte 2, expected 4", "overlaps tensor p");
    throws(two("[0,4]", "[0,4]"), 4, bad, "overlaps tensor");
    throws(two("[0,4]", "[6,10]"), 10, bad, "tensor q starts at byte 6, expected 4", "hole after tensor p");
    throws(two("[2,6]", "[6,10]"), 10, bad, "tensor p starts at byte 2", "the header");
    const safetensors_file swapped(
        folder.write("swapped.safetensors", safetensors_bytes(two("[4,8]", "[0,4]"), "qqqqpppp")));
    CHECK_EQUAL(swapped.tensors()[0].name, "q");

    throws(R"({"__metadata__":{"k":1}})", 0, bad, "__metadata__.k must be a string");
    throws(R"({"__metadata__":[]})", 0, bad, "__metadata__ must be an object");
    // A name cannot fill or break the message.
    throws("{\"" + std::string(5000, 'n') + "\":0}", 0, bad, "nnn...");
    throws(R"({"line\nbreak":0})", 0, bad, "line?break");
}

void test_files() {
    const temp_folder folder;
    CHECK_THROWS(safetensors_file(folder.path("absent")), KSTT_STATUS_FILE_NOT_FOUND, "absent", "no such file");
    CHECK_THROWS(safetensors_file(folder.path("absent/file")), KSTT_STATUS_FILE_NOT_FOUND, "no such file");
    CHECK_THROWS(safetensors_file(""), KSTT_STATUS_FILE_NOT_FOUND, "empty");
    CHECK_THROWS(safetensors_file(folder.path()), KSTT_STATUS_FILE_ACCESS, "not a regular file");
    CHECK_THROWS(safetensors_file(folder.write("file", "x") + "/below"), KSTT_STATUS_FILE_NOT_FOUND, "no such file");
}

#if !defined(_WIN32)
void test_permissions() {
    const temp_folder folder;
    const std::string path = folder.write("secret.safetensors", valid_bytes());
    CHECK(chmod(folder.path().c_str(), 0755) == 0 && chmod(path.c_str(), 0) == 0);
    CHECK(fails_with_access_error([&] { safetensors_file{ path }; }));
    CHECK(chmod(path.c_str(), 0644) == 0 && chmod(folder.path().c_str(), 0) == 0);
    CHECK(fails_with_access_error([&] { safetensors_file{ path }; }));
    CHECK(chmod(folder.path().c_str(), 0700) == 0);

    // Opening a pipe would wait for a writer.
    const std::string pipe = folder.path("pipe");
    CHECK(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK_THROWS(safetensors_file{ pipe }, KSTT_STATUS_FILE_ACCESS, "not a regular file");
}
#else
void test_permissions() {
    std::printf("skipped: permissions and pipes (POSIX only)\n");
}
#endif

void test_mutations() {
    const temp_folder folder;
    const std::string valid     = valid_bytes();
    int               n_refused = 0;
    int               n_read    = 0;
    for (unsigned seed = 0; seed < 2000; ++seed) {
        const std::string path = folder.write("mutated.safetensors", mutate(valid, seed));
        try {
            const safetensors_file file(path);
            // Whatever was accepted can be read to its last byte.
            unsigned               sum = 0;
            for (const kstt::tensor_view & tensor : file.tensors()) {
                for (size_t i = 0; i < tensor.n_bytes; ++i) {
                    sum += tensor.data[i];
                }
            }
            n_read += sum <= UINT32_MAX ? 1 : 0;
        } catch (const kstt::error & e) {
            n_refused += e.status() == KSTT_STATUS_MODEL_FORMAT || e.status() == KSTT_STATUS_MODEL_UNSUPPORTED ? 1 : 0;
        }
    }
    CHECK_EQUAL(n_refused + n_read, 2000);
    CHECK(n_refused > 1000);
    CHECK(n_read > 0);
}

}  // namespace

int main() {
    return check_run({ test_valid, test_lengths, test_headers, test_files, test_permissions, test_mutations });
}
