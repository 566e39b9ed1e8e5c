#include "io/output-folder.h"

#include "io/memory-files.h"
#include "runtime/error.h"

#include <filesystem>
#include <system_error>

namespace kstt {
namespace {

namespace fs = std::filesystem;

}  // namespace

output_folder::output_folder(const std::string & path) : path_(path) {
    if (path.empty() || path.find('\0') != std::string::npos) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "the folder to write to has no name");
    }
    if (is_memory_path(path)) {
        return;  // a folder there is no more than a part of its files' names
    }
    std::vector<fs::path> missing;
    std::error_code       code;
    for (fs::path at = fs::absolute(fs::u8path(path), code); !fs::exists(at, code); at = at.parent_path()) {
        missing.push_back(at);
        if (!at.has_relative_path()) {
            break;
        }
    }
    code.clear();
    for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
        if (fs::create_directory(*folder, code)) {
            made_.push_back(folder->u8string());
        }
        if (code) {
            break;
        }
    }
    if (code || !fs::is_directory(fs::u8path(path))) {
        const std::string why = code ? code.message() : std::string("there is something else of that name");
        throw error(KSTT_STATUS_FILE_ACCESS,
                    path + ": this folder cannot be made (" + why + "); give a folder that can be written");
    }
}

output_folder::~output_folder() {
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) {
        std::error_code ignored;
        fs::remove(fs::u8path(*folder), ignored);  // does nothing to one that is not empty
    }
}

}  // namespace kstt
