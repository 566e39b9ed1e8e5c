#include "io/memory-files.h"

#include "runtime/error.h"

#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

namespace kstt {
namespace {

constexpr const char * prefix = "memory:/";

// What ggml asks of tensor buffers.
constexpr std::align_val_t alignment{ 64 };

struct folder_of_memory {
    std::mutex                                          lock;
    std::map<std::string, std::shared_ptr<memory_file>> files;  // by path below the prefix
    std::set<std::string>                               handed_over;
};

folder_of_memory & the_folder() {
    static folder_of_memory folder;
    return folder;
}

// The path below the prefix without "." and doubled slashes; "" for the folder itself. A path with ".." becomes one
// that no file has.
std::string below_prefix(const std::string & path) {
    std::string clean;
    size_t      begin = std::string(prefix).size();
    while (begin <= path.size()) {
        size_t end = path.find_first_of("/\\", begin);
        end        = end == std::string::npos ? path.size() : end;
        if (const std::string part = path.substr(begin, end - begin); !part.empty() && part != ".") {
            clean += (clean.empty() ? "" : "/") + part;
        }
        begin = end + 1;
    }
    return clean;
}

bool leads_up(const std::string & clean) {
    return ("/" + clean + "/").find("/../") != std::string::npos;
}

// `lock` is held.
memory_entry find_entry(const folder_of_memory & folder, const std::string & clean) {
    if (folder.files.count(clean) > 0) {
        return memory_entry::file;
    }
    const std::string inside = clean.empty() ? "" : clean + "/";
    const auto        next   = folder.files.lower_bound(inside);
    const bool        holds  = next != folder.files.end() && next->first.compare(0, inside.size(), inside) == 0;
    return holds || clean.empty() ? memory_entry::folder : memory_entry::none;
}

// The name of a file to be put, checked. `lock` is held.
std::string name_to_put(const folder_of_memory & folder, const std::string & path) {
    if (!is_memory_path(path)) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, path + ": files in memory have paths that begin with " + prefix);
    }
    std::string clean = below_prefix(path);
    if (clean.empty() || leads_up(clean) || clean.find('\0') != std::string::npos) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    "the path of a file in memory is empty, leads up with \"..\", or holds a NUL byte");
    }
    if (find_entry(folder, clean) == memory_entry::folder) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, path + ": is a folder that holds files");
    }
    for (size_t slash = clean.find('/'); slash != std::string::npos; slash = clean.find('/', slash + 1)) {
        if (folder.files.count(clean.substr(0, slash)) > 0) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT, path + ": a part of this path is a file, not a folder");
        }
    }
    return clean;
}

}  // namespace

memory_file::memory_file(size_t size)
    : data_(static_cast<uint8_t *>(::operator new(size, alignment, std::nothrow))), size_(size) {
    if (data_ == nullptr) {
        throw error(KSTT_STATUS_OUT_OF_MEMORY, format("not enough memory for a file of %zu bytes", size));
    }
}

memory_file::~memory_file() {
    ::operator delete(data_, alignment);
}

bool is_memory_path(const std::string & path) {
    // Without the slash: what the path of a file in the folder itself has as its parent.
    return path.rfind(prefix, 0) == 0 || path + "/" == prefix;
}

memory_entry find_memory_entry(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    return find_entry(folder, below_prefix(path));
}

std::shared_ptr<memory_file> open_memory_file(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const auto                        found = folder.files.find(below_prefix(path));
    return found == folder.files.end() ? nullptr : found->second;
}

std::vector<std::string> list_memory_folder(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 clean  = below_prefix(path);
    const std::string                 inside = clean.empty() ? "" : clean + "/";
    std::vector<std::string>          names;
    for (auto next = folder.files.lower_bound(inside);
         next != folder.files.end() && next->first.compare(0, inside.size(), inside) == 0;
         ++next) {
        if (const std::string name = next->first.substr(inside.size()); name.find('/') == std::string::npos) {
            names.push_back(name);
        }
    }
    return names;
}

std::shared_ptr<memory_file> create_memory_file(const std::string & path, size_t size) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 name = name_to_put(folder, path);
    if (folder.files.count(name) > 0) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, path + ": there is a file of this name; remove it first");
    }
    auto file = std::make_shared<memory_file>(size);
    folder.files.emplace(name, file);
    return file;
}

void put_memory_file(const std::string & path, std::shared_ptr<memory_file> file) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 name = name_to_put(folder, path);
    folder.handed_over.erase(name);
    folder.files[name] = std::move(file);
}

bool remove_memory_file(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 name = below_prefix(path);
    folder.handed_over.erase(name);
    return folder.files.erase(name) > 0;
}

bool hand_over_memory_file(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 name  = below_prefix(path);
    const bool                        known = folder.files.count(name) > 0;
    if (known) {
        folder.handed_over.insert(name);
    }
    return known;
}

void take_over_memory_file(const std::string & path) {
    folder_of_memory &                folder = the_folder();
    const std::lock_guard<std::mutex> hold(folder.lock);
    const std::string                 name = below_prefix(path);
    if (folder.handed_over.erase(name) > 0) {
        folder.files.erase(name);
    }
}

}  // namespace kstt
