// A folder that exists while the object lives.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

class temp_folder {
  public:
    temp_folder() {
        std::random_device random;
        do {
            path_ = std::filesystem::temp_directory_path() / ("kstt-test-" + std::to_string(random()));
        } while (!std::filesystem::create_directory(path_));
    }
    ~temp_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temp_folder(const temp_folder &)             = delete;
    temp_folder & operator=(const temp_folder &) = delete;

    std::string path() const { return path_.u8string(); }
    std::string path(const std::string & name) const { return (path_ / std::filesystem::u8path(name)).u8string(); }

    // Writes a file and returns its path.
    std::string write(const std::string & name, const std::string & bytes) const {
        std::ofstream file(path_ / std::filesystem::u8path(name), std::ios::binary | std::ios::trunc);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!file.flush()) {
            throw std::runtime_error("cannot write " + path(name));
        }
        return path(name);
    }
    void remove(const std::string & name) const { std::filesystem::remove_all(path_ / std::filesystem::u8path(name)); }

  private:
    std::filesystem::path path_;
};
