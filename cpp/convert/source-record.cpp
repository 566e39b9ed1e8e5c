#include "convert/source-record.h"

#include "io/mapped-file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace kstt {
namespace {

namespace fs = std::filesystem;

// Files that the Hub keeps as large ones are named by their sha256, others by a shorter git hash.
std::string sha256_of_link(const fs::path & file) {
    std::error_code   code;
    const std::string name = fs::canonical(file, code).filename().u8string();
    const bool is_hash = !code && name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_hash ? name : "";
}

}  // namespace

source_record record_source(const std::string & path, const model_source & source) {
    source_record   record;
    std::error_code code;
    // "." and a slash at the end have no name of their own.
    fs::path        name = fs::weakly_canonical(fs::u8path(path), code);
    record.name          = (code ? fs::u8path(path) : name).filename().u8string();
    record.layout        = source.layout;
    for (const std::string & file : source.files) {
        const fs::path at = fs::u8path(file);
        record.files.push_back(at.filename().u8string());
        record.sizes.push_back(size_of_file(file));
        record.hashes.push_back(sha256_of_link(at));
    }
    return record;
}

}  // namespace kstt
