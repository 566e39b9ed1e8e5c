// JSON files read with bounds on size and depth, and values taken with checks. Every error names file and key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace kstt {

// A value inside a document, with the path that led to it. Shares ownership of the document; cheap to copy.
class json_value {
  public:
    // Throws FILE_NOT_FOUND, FILE_ACCESS, and MODEL_FORMAT for a file that is too large, too deeply nested or not JSON.
    static json_value read(const std::string & path, size_t max_bytes);
    // As read, from memory; `source` names it in errors. Duplicate keys in the outermost object are an error if asked.
    static json_value parse(const char * text, size_t n_bytes, const std::string & source, bool unique_keys = false);

    const nlohmann::json & raw() const { return *value_; }
    const std::string &    source() const { return *source_; }

    bool contains(const std::string & key) const;  // false too if this is not an object
    bool is_null(const std::string & key) const;   // true if absent or null

    json_value at(const std::string & key) const;  // a missing key throws MODEL_FORMAT
    json_value at(size_t index) const;

    // The value itself, checked. A bool is not an integer; an integer counts as a number.
    void        expect_object() const;
    void        expect_array() const;
    int64_t     integer(int64_t min, int64_t max) const;
    double      number() const;  // finite
    bool        boolean() const;
    std::string string() const;

    // MODEL_FORMAT: "<file>: <path> must be <expected>, but is <found>".
    [[noreturn]] void fail(const std::string & expected) const;
    // "<file>: <path>", to begin other messages with.
    std::string       where() const;
    // The value in a few words, to show what was found.
    std::string       describe() const;
    bool              is_root() const { return path_.empty(); }

  private:
    json_value(std::shared_ptr<const std::string>    source,
               std::shared_ptr<const nlohmann::json> value,
               std::string                           path);

    std::shared_ptr<const std::string>    source_;
    std::shared_ptr<const nlohmann::json> value_;
    std::string                           path_;
};

// Text from a file, made safe to show: cut to a readable length, control characters replaced.
std::string printable(const std::string & text);

}  // namespace kstt
