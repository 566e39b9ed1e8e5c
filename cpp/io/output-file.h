// A file that appears under its name whole or not at all. Bytes go to a temporary file beside it, which finish() makes
// durable and renames; one that never gets there is removed, by the object or, after a crash, by the next one for the
// same name.
//
// A path below "memory:/" makes a file in memory (memory-files.h), which gets its name when it is finished.
#pragma once

#include "io/memory-files.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace kstt {

class output_file {
  public:
    // `n_bytes`: the size that the file will have; reserved on the disk where the system can. Throws kstt::error:
    // FILE_NOT_FOUND (no such folder), FILE_ACCESS (not writable), DISK_FULL.
    output_file(const std::string & path, uint64_t n_bytes);
    // Removes the temporary file unless finish() succeeded.
    ~output_file();

    output_file(const output_file &)             = delete;
    output_file & operator=(const output_file &) = delete;

    // Appends. Throws DISK_FULL (no space left, too large), FILE_ACCESS with the system's reason.
    void write(const void * data, size_t n_bytes);
    // An existing file of that name is replaced. Nothing can be written afterwards.
    void finish();

    uint64_t            written() const { return written_; }
    const std::string & path() const { return path_; }

  private:
    void create();
    void close();

    std::string path_;
    std::string temporary_;
    int         file_     = -1;
    uint64_t    expected_ = 0;
    uint64_t    written_  = 0;

    std::shared_ptr<memory_file> memory_;  // of a file in memory
};

}  // namespace kstt
