// Files in memory through the C header: names, lifetimes, models loaded from them and conversions into them.
#include "check.h"
#include "include/kstt.h"
#include "parity-signal.h"
#include "status-check.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const std::string digits = std::string(KSTT_SOURCE_DIR) + "/models/digits-en";

std::string bytes_of(const fs::path & path) {
    std::ifstream file(path, std::ios::binary);
    return { std::istreambuf_iterator<char>(file), {} };
}

void put(const std::string & path, const std::string & content) {
    void * bytes = nullptr;
    EXPECT_OK(kstt_memory_file_create(path.c_str(), content.size(), &bytes, &last_error));
    CHECK(reinterpret_cast<uintptr_t>(bytes) % 64 == 0);
    std::memcpy(bytes, content.data(), content.size());
}

// The files of a checkpoint's folder, each under its name.
void put_folder(const fs::path & from, const std::string & to) {
    for (const fs::directory_entry & entry : fs::directory_iterator(from)) {
        if (entry.is_regular_file()) {
            put(to + "/" + entry.path().filename().string(), bytes_of(entry.path()));
        }
    }
}

void remove_folder(const fs::path & from, const std::string & to) {
    for (const fs::directory_entry & entry : fs::directory_iterator(from)) {
        if (entry.is_regular_file()) {
            EXPECT_OK(kstt_memory_file_remove((to + "/" + entry.path().filename().string()).c_str(), &last_error));
        }
    }
}

kstt_engine * make_engine(const std::string & path) {
    kstt_engine_params params = kstt_engine_default_params();
    params.n_threads          = 2;
    kstt_engine * engine      = nullptr;
    EXPECT_OK(kstt_engine_create(path.c_str(), &params, &engine, &last_error));
    return engine;
}

std::vector<int32_t> tokens_of(kstt_engine * engine) {
    const std::vector<float> input      = parity_signal(7, 48000);
    kstt_generation *        generation = nullptr;
    EXPECT_OK(kstt_generation_create(engine, input.data(), 1, input.size(), nullptr, &generation, &last_error));
    kstt_progress progress = {};
    while (progress.finished == 0 && last_error.status == KSTT_STATUS_OK) {
        EXPECT_OK(kstt_generation_advance(generation, 100, &progress, &last_error));
    }
    std::vector<int32_t> tokens(static_cast<size_t>(kstt_generation_n_tokens(generation)));
    EXPECT_OK(kstt_generation_tokens(generation, tokens.data(), tokens.size(), &last_error));
    kstt_generation_free(generation);
    return tokens;
}

std::vector<int32_t> tokens_of(const std::string & path) {
    kstt_engine *              engine = make_engine(path);
    const std::vector<int32_t> tokens = tokens_of(engine);
    kstt_engine_free(engine);
    return tokens;
}

int64_t copied_bytes(const kstt_engine * engine) {
    kstt_engine_info info = {};
    EXPECT_OK(kstt_engine_get_info(engine, &info, &last_error));
    return info.copied_bytes;
}

void convert(const std::string & source, const std::string & target, const char * dtype) {
    kstt_conversion_params params = kstt_conversion_default_params();
    params.dtype                  = dtype;
    kstt_conversion * conversion  = nullptr;
    EXPECT_OK(kstt_conversion_create(source.c_str(), target.c_str(), &params, &conversion, &last_error));
    kstt_progress progress = {};
    while (progress.finished == 0 && last_error.status == KSTT_STATUS_OK) {
        EXPECT_OK(kstt_conversion_advance(conversion, 1 << 20, &progress, &last_error));
    }
    EXPECT_OK(kstt_conversion_finish(conversion, &last_error));
    kstt_conversion_free(conversion);
}

void convert_to_folder(const std::string & source, const std::string & folder) {
    kstt_conversion_params params = kstt_conversion_default_params();
    params.format                 = KSTT_FORMAT_SAFETENSORS;
    kstt_conversion * conversion  = nullptr;
    params.max_shard_bytes        = -1;
    EXPECT(kstt_conversion_create(source.c_str(), folder.c_str(), &params, &conversion, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "max_shard_bytes");
    params.max_shard_bytes = 1 << 20;
    EXPECT_OK(kstt_conversion_create(source.c_str(), folder.c_str(), &params, &conversion, &last_error));
    kstt_progress progress = {};
    while (progress.finished == 0 && last_error.status == KSTT_STATUS_OK) {
        EXPECT_OK(kstt_conversion_advance(conversion, 1 << 20, &progress, &last_error));
    }
    EXPECT_OK(kstt_conversion_finish(conversion, &last_error));
    kstt_conversion_free(conversion);
}

std::string description_of(const std::string & path) {
    size_t needed = 0;
    EXPECT_OK(kstt_model_describe(path.c_str(), nullptr, nullptr, 0, &needed, &last_error));
    std::string text(needed, '\0');
    EXPECT_OK(kstt_model_describe(path.c_str(), nullptr, text.data(), text.size(), &needed, &last_error));
    return text;
}

void test_names() {
    void * bytes = nullptr;
    EXPECT(kstt_memory_file_create("a/b", 1, &bytes, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "memory:/");
    EXPECT(kstt_memory_file_create("memory:/", 1, &bytes, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "empty");
    EXPECT(kstt_memory_file_create("memory:/a/../b", 1, &bytes, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "..");
    EXPECT(kstt_memory_file_create(nullptr, 1, &bytes, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_memory_file_create("memory:/a", 1, nullptr, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "NULL");
    EXPECT(kstt_memory_file_create("memory:/a", SIZE_MAX - 4096, &bytes, &last_error), KSTT_STATUS_OUT_OF_MEMORY, "");
    CHECK(bytes == nullptr);
    put("memory:/folder/a", "content");
    EXPECT(kstt_memory_file_create("memory:/folder//./a", 1, &bytes, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "remove it first");
    EXPECT(kstt_memory_file_create("memory:/folder", 1, &bytes, &last_error), KSTT_STATUS_INVALID_ARGUMENT, "folder");
    EXPECT(kstt_memory_file_create("memory:/folder/a/b", 1, &bytes, &last_error),
           KSTT_STATUS_INVALID_ARGUMENT,
           "not a folder");
    size_t size = 0;
    EXPECT_OK(kstt_memory_file_bytes("memory:/folder/a", &bytes, &size, &last_error));
    CHECK_EQUAL(std::string(static_cast<const char *>(bytes), size), "content");
    EXPECT_OK(kstt_memory_file_remove("memory:/folder/a", &last_error));
    EXPECT(kstt_memory_file_remove("memory:/folder/a", &last_error), KSTT_STATUS_FILE_NOT_FOUND, "folder/a");
    EXPECT(kstt_memory_file_hand_over("memory:/folder/a", &last_error), KSTT_STATUS_FILE_NOT_FOUND, "folder/a");
    EXPECT(kstt_memory_file_bytes("memory:/folder/a", &bytes, &size, &last_error), KSTT_STATUS_FILE_NOT_FOUND, "");
    put("memory:/folder", "");
    EXPECT_OK(kstt_memory_file_remove("memory:/folder", &last_error));
}

void test_errors_name_the_file() {
    kstt_engine * engine = nullptr;
    EXPECT(kstt_engine_create("memory:/none", nullptr, &engine, &last_error), KSTT_STATUS_FILE_NOT_FOUND, "none");
    put("memory:/broken/config.json", "{");
    EXPECT(kstt_engine_create("memory:/broken", nullptr, &engine, &last_error),
           KSTT_STATUS_MODEL_FORMAT,
           "memory:/broken/config.json");
    EXPECT_OK(kstt_memory_file_remove("memory:/broken/config.json", &last_error));
    put("memory:/short.gguf", bytes_of(digits + "/config.json").substr(0, 20));
    EXPECT(kstt_engine_create("memory:/short.gguf", nullptr, &engine, &last_error), KSTT_STATUS_MODEL_FORMAT, "GGUF");
    EXPECT_OK(kstt_memory_file_remove("memory:/short.gguf", &last_error));
    kstt_tokenizer * tokenizer = nullptr;
    EXPECT(kstt_tokenizer_create("memory:/", &tokenizer, &last_error), KSTT_STATUS_FILE_NOT_FOUND, "no vocabulary");
}

// An engine keeps what it uses after the names are gone.
void test_folder() {
    put_folder(digits, "memory:/digits");
    const std::string described = description_of("memory:/digits");
    CHECK(described.find("memory:/digits/model.safetensors") != std::string::npos);
    kstt_engine * engine = make_engine("memory:/digits");
    remove_folder(digits, "memory:/digits");
    CHECK(tokens_of(engine) == tokens_of(digits));
    kstt_engine_free(engine);
}

void test_tokenizer() {
    put("memory:/t/tokenizer.json", bytes_of(digits + "/tokenizer.json"));
    for (const char * path : { "memory:/t", "memory:/t/", "memory:/t/tokenizer.json" }) {
        kstt_tokenizer * tokenizer = nullptr;
        EXPECT_OK(kstt_tokenizer_create(path, &tokenizer, &last_error));
        CHECK(kstt_tokenizer_vocab_size(tokenizer) > 0);
        kstt_tokenizer_free(tokenizer);
    }
    EXPECT_OK(kstt_memory_file_remove("memory:/t/tokenizer.json", &last_error));
}

// Converted in memory: the same bytes as on disk. Loaded twice, then handed over: laid out in place, the same tokens.
void test_conversion(const char * dtype) {
    put_folder(digits, "memory:/digits");
    convert("memory:/digits", "memory:/made/model.gguf", dtype);
    remove_folder(digits, "memory:/digits");
    const fs::path on_disk = fs::temp_directory_path() / (std::string("kstt-memory-files-") + dtype + ".gguf");
    convert(digits, on_disk.string(), dtype);
    void * bytes = nullptr;
    size_t size  = 0;
    EXPECT_OK(kstt_memory_file_bytes("memory:/made/model.gguf", &bytes, &size, &last_error));
    // The records of where it came from differ: the name of the folder.
    const std::string made(static_cast<const char *>(bytes), size);
    const std::string from_disk = bytes_of(on_disk);
    CHECK(made.substr(made.size() / 2) == from_disk.substr(from_disk.size() - (made.size() - made.size() / 2)));

    const std::vector<int32_t> expected = tokens_of(on_disk.string());
    fs::remove(on_disk);
    kstt_engine * engine = make_engine("memory:/made/model.gguf");
    const int64_t copied = copied_bytes(engine);
    CHECK(tokens_of(engine) == expected);
    kstt_engine_free(engine);
    EXPECT_OK(kstt_memory_file_hand_over("memory:/made/model.gguf", &last_error));
    engine = make_engine("memory:/made/model.gguf");
    EXPECT(kstt_memory_file_remove("memory:/made/model.gguf", &last_error), KSTT_STATUS_FILE_NOT_FOUND, "");
    CHECK(tokens_of(engine) == expected);
    CHECK(copied_bytes(engine) < copied);
    kstt_engine_free(engine);
}

void test_conversions() {
    for (const char * dtype : { "q8_0", "q4_0", "q4_k" }) {
        test_conversion(dtype);
    }
}

// Weights in shards, with what else a folder needs beside them: a model again.
void test_folder_conversion() {
    put_folder(digits, "memory:/digits");
    const std::vector<int32_t> expected = tokens_of("memory:/digits");
    EXPECT(kstt_memory_file_remove("memory:/digits/none", &last_error), KSTT_STATUS_FILE_NOT_FOUND, "none");
    put_folder(digits, "memory:/trfs");
    EXPECT_OK(kstt_memory_file_remove("memory:/trfs/model.safetensors", &last_error));
    convert_to_folder("memory:/digits", "memory:/trfs");
    remove_folder(digits, "memory:/digits");
    CHECK(tokens_of("memory:/trfs") == expected);
    void * bytes = nullptr;
    size_t size  = 0;
    EXPECT_OK(kstt_memory_file_bytes("memory:/trfs/model.safetensors.index.json", &bytes, &size, &last_error));
    CHECK(size > 1000);
}

}  // namespace

int main() {
    EXPECT_OK(kstt_init(std::getenv("KSTT_KERNEL_DIR"), &last_error));
    return check_run({ test_names,
                       test_errors_name_the_file,
                       test_folder,
                       test_tokenizer,
                       test_conversions,
                       test_folder_conversion });
}
