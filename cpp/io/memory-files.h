// Files that live in memory: a folder "memory:/" of this process that every reader of files looks into first. Hosts
// without a file system, such as a browser, put checkpoints there.
//
// Safe for calls from any thread. A path may hold "." and doubled slashes; ".." leads nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

// The bytes of one file, aligned to 64. They live as long as somebody holds the object, under a name or not.
class memory_file {
  public:
    // Throws OUT_OF_MEMORY. The content is undefined.
    explicit memory_file(size_t size);
    ~memory_file();
    memory_file(const memory_file &)             = delete;
    memory_file & operator=(const memory_file &) = delete;

    uint8_t * data() const { return data_; }
    size_t    size() const { return size_; }

  private:
    uint8_t * data_;
    size_t    size_;
};

// True if the path leads into the folder of memory, whether there is such a file or not.
bool is_memory_path(const std::string & path);

enum class memory_entry { none, file, folder };
memory_entry find_memory_entry(const std::string & path);

// nullptr: there is no such file.
std::shared_ptr<memory_file> open_memory_file(const std::string & path);

// Names of the files that lie in a folder itself, in order.
std::vector<std::string> list_memory_folder(const std::string & folder);

// A new file under this name. Throws INVALID_ARGUMENT for a path outside the folder of memory, one that names no file,
// or one that is taken, as file or as folder; OUT_OF_MEMORY.
std::shared_ptr<memory_file> create_memory_file(const std::string & path, size_t size);

// Gives a file a name; one that had it loses it. Throws INVALID_ARGUMENT as above.
void put_memory_file(const std::string & path, std::shared_ptr<memory_file> file);

// Takes the name away; false: there is no such file.
bool remove_memory_file(const std::string & path);

// Marks a file: the first engine that loads weights from it takes its name away, so that it is the only one to hold it
// and may lay out the weights anew in the same memory. False: there is no such file.
bool hand_over_memory_file(const std::string & path);

// Takes the name away if the file is marked so.
void take_over_memory_file(const std::string & path);

}  // namespace kstt
