// Conversions that fail, are given up, or are killed; and damaged files of our own kind.
#include "convert/conversion.h"

#include "check.h"
#include "io/config-json.h"
#include "io/gguf-file.h"
#include "io/gguf-model.h"
#include "temp-folder.h"

#include <cmath>
#include <csignal>
#include <cstring>

#if !defined(_WIN32)
#    include <sys/resource.h>
#    include <sys/wait.h>
#    include <unistd.h>
#endif

using namespace kstt;

namespace {

const std::string digits = std::string(KSTT_SOURCE_DIR) + "/models/digits-en";

constexpr kstt_status format_status = KSTT_STATUS_MODEL_FORMAT;

conversion_options options_of(element_type type) {
    conversion_options options;
    options.type      = type;
    options.n_threads = 2;
    return options;
}

std::string convert(const std::string & target, element_type type) {
    conversion work(digits, target, options_of(type));
    work.advance(INT64_MAX);
    work.finish();
    return target;
}

std::string file_bytes(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    return { std::istreambuf_iterator<char>(file), {} };
}

size_t n_files(const temp_folder & folder) {
    const std::filesystem::directory_iterator entries(std::filesystem::u8path(folder.path()));
    return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

void test_given_up() {
    const temp_folder folder;
    const std::string target = folder.path("model.gguf");
    {
        conversion work(digits, target, options_of(element_type::f32));
        work.advance(1);
        CHECK_EQUAL(n_files(folder), size_t{ 1 });
        CHECK(!std::filesystem::exists(target));
        CHECK_THROWS(work.finish(), KSTT_STATUS_INVALID_STATE, "not done");
    }
    CHECK_EQUAL(n_files(folder), size_t{ 0 });
    // Whatever was there before stays until the new file is whole.
    folder.write("model.gguf", "before");
    {
        conversion work(digits, target, options_of(element_type::f32));
        work.advance(INT64_MAX);
        CHECK_EQUAL(file_bytes(target), "before");
    }
    CHECK_EQUAL(file_bytes(target), "before");
    conversion work(digits, target, options_of(element_type::f32));
    work.advance(INT64_MAX);
    work.finish();
    CHECK(file_bytes(target) != "before");
    CHECK_EQUAL(n_files(folder), size_t{ 1 });
    CHECK_THROWS(work.finish(), KSTT_STATUS_INVALID_STATE, "already");
}

void test_bad_targets() {
    const temp_folder folder;
    const auto        refuse = [&](const std::string & target, kstt_status status, const std::string & word) {
        CHECK_THROWS(conversion(digits, target, options_of(element_type::q8_0)), status, word);
    };
    refuse(folder.path("none/model.gguf"), KSTT_STATUS_FILE_NOT_FOUND, "no such folder");
    refuse(folder.path(), KSTT_STATUS_FILE_ACCESS, "folder");
    refuse("", KSTT_STATUS_INVALID_ARGUMENT, "empty");
    refuse(folder.path() + "/", KSTT_STATUS_INVALID_ARGUMENT, "names no file");
    refuse(std::string("a\0b", 3), KSTT_STATUS_INVALID_ARGUMENT, "names no file");
    CHECK_EQUAL(n_files(folder), size_t{ 0 });
    CHECK_THROWS(conversion(folder.path("nothing"), folder.path("x.gguf"), options_of(element_type::q8_0)),
                 KSTT_STATUS_FILE_NOT_FOUND,
                 "nothing");
}

#if !defined(_WIN32)

// A child converts, tells how far it is, and never gets to the end.
pid_t start_child(const std::string & target) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        conversion work(digits, target, options_of(element_type::f32));
        work.advance(1 << 20);
        (void) !write(ends[1], "x", 1);
        pause();
        _exit(0);
    }
    char byte = 0;
    CHECK(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    close(ends[1]);
    return child;
}

void test_killed() {
    const temp_folder folder;
    const std::string target = folder.path("model.gguf");
    const pid_t       child  = start_child(target);
    CHECK_EQUAL(n_files(folder), size_t{ 1 });
    CHECK(!std::filesystem::exists(target));
    // Another one for the same name leaves the file of a living process alone.
    convert(target, element_type::q8_0);
    CHECK_EQUAL(n_files(folder), size_t{ 2 });
    std::filesystem::remove(target);

    kill(child, SIGKILL);
    CHECK(waitpid(child, nullptr, 0) == child);
    CHECK_EQUAL(n_files(folder), size_t{ 1 });
    CHECK(!std::filesystem::exists(target));
    // What looks like a temporary file of another target is not touched.
    folder.write(".other.gguf.0123456789abcdef.part", "x");
    folder.write(".model.gguf.part", "x");
    convert(target, element_type::q8_0);
    CHECK_EQUAL(n_files(folder), size_t{ 3 });
    CHECK_EQUAL(open_own_gguf(target).layout, "gguf");
}

// A limit on the size of files stands for a full disk: the same calls fail, with another reason.
void test_no_space() {
    const temp_folder folder;
    const std::string target = folder.path("model.gguf");
    rlimit            before = {};
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit     small   = before;
    small.rlim_cur     = 1 << 20;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_THROWS(convert(target, element_type::f32), KSTT_STATUS_DISK_FULL, target, "cannot be written", "space");
    // Without the reservation the write itself fails.
    CHECK_THROWS(
        {
            output_file       file(target, 0);
            const std::string bytes(2 << 20, 'x');
            file.write(bytes.data(), bytes.size());
        },
        KSTT_STATUS_DISK_FULL,
        target,
        "cannot be written");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK_EQUAL(n_files(folder), size_t{ 0 });
}

#endif

// The bytes of a converted file with one number of a tensor exchanged.
std::string with_value(const std::string & path, const std::string & tensor, float value) {
    std::string     bytes = file_bytes(path);
    const gguf_file file(path);
    for (const tensor_view & view : file.tensors()) {
        if (view.name == tensor) {
            std::memcpy(bytes.data() + (view.data - file.file().data()) + 400, &value, sizeof(value));
        }
    }
    return bytes;
}

void test_bad_values() {
    const temp_folder folder;
    const std::string wide   = convert(folder.path("wide.gguf"), element_type::f32);
    const auto        refuse = [&](const std::string & tensor, float value, element_type type) {
        const std::string source = folder.write("bad.gguf", with_value(wide, tensor, value));
        conversion        work(source, folder.path("out.gguf"), options_of(type));
        CHECK_THROWS(work.advance(INT64_MAX), format_status, tensor, "not finite");
    };
    for (const element_type type : { element_type::q8_0, element_type::q4_0, element_type::q4_k, element_type::f16 }) {
        refuse("model.layers.1.mlp.fc2.weight", NAN, type);
        refuse("model.layers.1.mlp.fc2.weight", INFINITY, type);
    }
    refuse("lm_head.weight", -70000.0F, element_type::f16);
    const std::string source = folder.write("bad.gguf", with_value(wide, "lm_head.weight", 65519.0F));
    conversion        work(source, folder.path("out.gguf"), options_of(element_type::f16));
    work.advance(INT64_MAX);
    CHECK_EQUAL(work.done(), work.total());
}

// Replaces the last character of a text where it stands alone with a length in front.
std::string renamed(std::string bytes, const std::string & name) {
    std::string needle(8, '\0');
    const auto  length = static_cast<uint64_t>(name.size());
    std::memcpy(needle.data(), &length, sizeof(length));
    needle += name;
    const size_t at = bytes.find(needle);
    CHECK(at != std::string::npos);
    bytes[at + needle.size() - 1] = '#';
    return bytes;
}

void test_damaged_metadata() {
    const temp_folder folder;
    const std::string path  = convert(folder.path("model.gguf"), element_type::q8_0);
    const std::string whole = file_bytes(path);
    int               n     = 0;
    const gguf_file   opened(path);
    for (const gguf_value & value : opened.metadata().values()) {
        if (value.key.rfind("kyutai_stt.", 0) != 0 || value.key.rfind("kyutai_stt.source.", 0) == 0) {
            continue;
        }
        const std::string bad = folder.write("bad.gguf", renamed(whole, value.key));
        ++n;
        // Younger than the format: files without them are read.
        if (value.key == "kyutai_stt.codec_config.trim_right_ratio" ||
            value.key == "kyutai_stt.codec_config.upsample_groups") {
            CHECK_EQUAL(open_own_gguf(bad).config.codec.trim_right_ratio, 1.0);
            continue;
        }
        CHECK_THROWS(open_own_gguf(bad), format_status, bad, value.key, "absent");
    }
    // All of model_config (an array of four counts once), the version, three keys beside config.json, the tokenizer.
    CHECK_EQUAL(n, static_cast<int>(config_to_json(model_config()).flatten().size()) - 3 + 1 + 3 + 3);
    const std::string foreign = folder.write("bad.gguf", renamed(whole, "kyutai_stt"));
    CHECK_THROWS(open_own_gguf(foreign), KSTT_STATUS_MODEL_UNSUPPORTED, foreign, "general.architecture");
    CHECK(is_own_gguf(path));
    CHECK(!is_own_gguf(foreign));
    const std::string odd = folder.write("bad.gguf", renamed(whole, "tokenizer_json"));
    CHECK_THROWS(open_own_gguf(odd), format_status, "tokenizer.kind", "tokenizer_jso#");
    const std::string pad = folder.write("bad.gguf", renamed(whole, "constant"));
    CHECK_THROWS(open_own_gguf(pad), KSTT_STATUS_MODEL_UNSUPPORTED, "pad_mode");

    // The number behind the key and its type.
    std::string  newer = whole;
    const size_t at    = newer.find("kyutai_stt.format_version") + std::strlen("kyutai_stt.format_version") + 4;
    newer[at]          = 2;
    CHECK_THROWS(open_own_gguf(folder.write("bad.gguf", newer)),
                 KSTT_STATUS_MODEL_UNSUPPORTED,
                 "format_version is 2",
                 "newer release");
    newer[at] = 0;
    CHECK_THROWS(open_own_gguf(folder.write("bad.gguf", newer)), format_status, "format_version");
}

void test_damaged_tensors() {
    const temp_folder folder;
    const std::string path  = convert(folder.path("model.gguf"), element_type::q8_0);
    const std::string whole = file_bytes(path);
    for (const char * name : { "model.norm.weight", "codec.semantic.layers.0.codebook.embed", "lm_head.weight" }) {
        const std::string bad = folder.write("bad.gguf", renamed(whole, name));
        CHECK_THROWS(conversion(bad, folder.path("out.gguf"), options_of(element_type::q8_0)), format_status, "lacks");
    }
    const model_source source = open_own_gguf(folder.write("bad.gguf", renamed(whole, "model.norm.weight")));
    CHECK_THROWS(source.weights->get("model.norm.weight", { 128 }), format_status, "bad.gguf", "model.norm", "missing");
    CHECK_THROWS(
        source.weights->get("lm_head.weight", { 1, 1 }), format_status, "bad.gguf", "lm_head.weight", "[1, 1]");
    CHECK_THROWS(
        open_own_gguf(folder.write("bad.gguf", whole.substr(0, whole.size() - 5000))), format_status, "truncated");
}

}  // namespace

int main() {
    return check_run({ test_given_up,
                       test_bad_targets,
#if !defined(_WIN32)
                       test_killed,
                       test_no_space,
#endif
                       test_bad_values,
                       test_damaged_metadata,
                       test_damaged_tensors });
}
