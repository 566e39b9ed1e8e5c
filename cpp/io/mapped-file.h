// A file mapped into memory for reading. Where the platform has no mmap the bytes are read into a buffer instead. Paths
// below "memory:/" lead to files that are in memory already (memory-files.h), here and in every function of this
// header.
#pragma once

#include "io/memory-files.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

class mapped_file {
  public:
    // Throws kstt::error: FILE_NOT_FOUND, FILE_ACCESS (no permission, a folder, a pipe), OUT_OF_MEMORY.
    explicit mapped_file(const std::string & path);
    ~mapped_file();

    mapped_file(const mapped_file &)             = delete;
    mapped_file & operator=(const mapped_file &) = delete;

    const uint8_t *     data() const { return data_; }
    size_t              size() const { return size_; }
    const std::string & path() const { return path_; }

    // Tells the system that the whole pages inside these bytes are not needed soon. They stay readable.
    void release(const uint8_t * begin, size_t n_bytes) const;

    // The bytes at `data`, to be overwritten: of a file in memory that has no name any more and no other user. nullptr
    // for any other file.
    uint8_t * spare(const uint8_t * data) const;

  private:
    void map();
    void unmap();

    std::string                  path_;
    const uint8_t *              data_ = nullptr;  // nullptr if the file on disk is empty
    size_t                       size_ = 0;
    std::shared_ptr<memory_file> memory_;  // of a file in memory
};

// `name` inside `folder`.
std::string path_in_folder(const std::string & folder, const std::string & name);

// The folder a path leads to its file through ("." if it names none), and the file's name.
std::string folder_of(const std::string & path);
std::string file_name_of(const std::string & path);

// True for the name of a file in a folder: nothing that leads out of it. Names come from files that may be hostile.
bool is_plain_file_name(const std::string & name);

// True if the path names a regular file. False where it is absent; throws FILE_ACCESS where that cannot be told.
bool file_exists(const std::string & path);

// Names of what lies in a folder, in no order. Throws FILE_ACCESS where it cannot be listed.
std::vector<std::string> names_in_folder(const std::string & folder);

// Whether two paths lead to the same file; false where one of them is absent.
bool is_same_file(const std::string & a, const std::string & b);

// Bytes of a file; 0 where that cannot be told.
uint64_t size_of_file(const std::string & path);

// Throws FILE_NOT_FOUND or FILE_ACCESS unless `folder` is a folder whose files can be looked up.
void require_folder(const std::string & folder);

}  // namespace kstt
