// A folder for readers that take paths: one per process, in memory where the system has such a place.
#pragma once

#include "fuzz-target.h"

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

class fuzz_folder {
  public:
    fuzz_folder() {
        namespace fs                     = std::filesystem;
        const fs::path     shared_memory = "/dev/shm";
        std::error_code    ignored;
        const fs::path     base = fs::is_directory(shared_memory, ignored) ? shared_memory : fs::temp_directory_path();
        std::random_device random;
        path_ = base / ("kstt-fuzz-" + std::to_string(random()));
        fs::create_directory(path_);
    }
    ~fuzz_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    fuzz_folder(const fuzz_folder &)             = delete;
    fuzz_folder & operator=(const fuzz_folder &) = delete;

    std::string path() const { return path_.string(); }

    std::string write(const std::string & name, const uint8_t * data, size_t size) const {
        const std::string path = (path_ / name).string();
        std::FILE *       file = std::fopen(path.c_str(), "wb");
        fuzz_require(file != nullptr, "the folder for the fuzzer's files cannot be written");
        const bool written = std::fwrite(data, 1, size, file) == size;
        fuzz_require(std::fclose(file) == 0 && written, "the fuzzer's file cannot be written");
        return path;
    }
    void remove(const std::string & name) const {
        std::error_code ignored;
        std::filesystem::remove(path_ / name, ignored);
    }

  private:
    std::filesystem::path path_;
};
