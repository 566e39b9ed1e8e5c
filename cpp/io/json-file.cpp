#include "io/json-file.h"

#include "io/mapped-file.h"
#include "runtime/error.h"

#include <cmath>
#include <unordered_set>
#include <utility>

namespace kstt {
namespace {

using nlohmann::json;

// The deepest file of a checkpoint is tokenizer.json, at 6.
constexpr int max_depth = 64;

}  // namespace

std::string printable(const std::string & text) {
    constexpr size_t max_bytes = 120;
    std::string      shown     = text.substr(0, max_bytes);
    if (text.size() > max_bytes) {
        // Not in the middle of a character.
        while (!shown.empty() && (static_cast<uint8_t>(text[shown.size()]) & 0xC0U) == 0x80U) {
            shown.pop_back();
        }
        shown += "...";
    }
    for (char & c : shown) {
        if (static_cast<uint8_t>(c) < 0x20U || c == 0x7F) {
            c = '?';
        }
    }
    return shown;
}

json_value::json_value(std::shared_ptr<const std::string> source, std::shared_ptr<const json> value, std::string path)
    : source_(std::move(source)), value_(std::move(value)), path_(std::move(path)) {}

json_value json_value::read(const std::string & path, size_t max_bytes) {
    const mapped_file file(path);
    if (file.size() > max_bytes) {
        throw error(
            KSTT_STATUS_MODEL_FORMAT,
            format("%s: %zu bytes, but at most %zu are expected of this file", path.c_str(), file.size(), max_bytes));
    }
    return parse(reinterpret_cast<const char *>(file.data()), file.size(), path);
}

json_value json_value::parse(const char * text, size_t n_bytes, const std::string & source, bool unique_keys) {
    std::unordered_set<std::string> keys;
    const auto                      check = [&](int depth, json::parse_event_t event, json & parsed) {
        if (depth > max_depth) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        format("%s: nested deeper than %d levels", source.c_str(), max_depth));
        }
        if (unique_keys && depth == 1 && event == json::parse_event_t::key) {
            const std::string & key = parsed.get_ref<const std::string &>();
            if (!keys.insert(key).second) {
                throw error(KSTT_STATUS_MODEL_FORMAT, source + ": the name \"" + printable(key) + "\" occurs twice");
            }
        }
        return true;
    };
    try {
        auto value = std::make_shared<const json>(json::parse(text, text + n_bytes, check));
        return { std::make_shared<const std::string>(source), std::move(value), "" };
    } catch (const json::parse_error & e) {
        // The parser's own text quotes bytes of the file, which need not be UTF-8.
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    format("%s: not valid JSON (near byte %zu of %zu); the file is damaged or not complete, "
                           "fetch it again",
                           source.c_str(),
                           e.byte,
                           n_bytes));
    } catch (const json::exception & e) {
        // For instance a number beyond the range of a double.
        throw error(KSTT_STATUS_MODEL_FORMAT, format("%s: not valid JSON (error %d)", source.c_str(), e.id));
    }
}

bool json_value::contains(const std::string & key) const {
    return value_->is_object() && value_->contains(key);
}

bool json_value::is_null(const std::string & key) const {
    return !contains(key) || value_->at(key).is_null();
}

json_value json_value::at(const std::string & key) const {
    expect_object();
    const auto  found = value_->find(key);
    std::string path  = path_.empty() ? printable(key) : path_ + "." + printable(key);
    if (found == value_->end()) {
        throw error(KSTT_STATUS_MODEL_FORMAT, *source_ + ": the key " + path + " is missing");
    }
    return { source_, std::shared_ptr<const json>(value_, &*found), std::move(path) };
}

json_value json_value::at(size_t index) const {
    expect_array();
    if (index >= value_->size()) {
        fail(format("an array of more than %zu values", index));
    }
    return { source_, std::shared_ptr<const json>(value_, &(*value_)[index]), path_ + format("[%zu]", index) };
}

void json_value::expect_object() const {
    if (!value_->is_object()) {
        fail("an object");
    }
}

void json_value::expect_array() const {
    if (!value_->is_array()) {
        fail("an array");
    }
}

int64_t json_value::integer(int64_t min, int64_t max) const {
    const std::string expected =
        format("an integer from %lld to %lld", static_cast<long long>(min), static_cast<long long>(max));
    if (!value_->is_number_integer()) {
        fail(expected);
    }
    // An unsigned value beyond int64 must not wrap round.
    if (value_->is_number_unsigned() && value_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
        fail(expected);
    }
    const int64_t number = value_->get<int64_t>();
    if (number < min || number > max) {
        fail(expected);
    }
    return number;
}

double json_value::number() const {
    if (!value_->is_number() || !std::isfinite(value_->get<double>())) {
        fail("a number");
    }
    return value_->get<double>();
}

bool json_value::boolean() const {
    if (!value_->is_boolean()) {
        fail("true or false");
    }
    return value_->get<bool>();
}

std::string json_value::string() const {
    if (!value_->is_string()) {
        fail("a string");
    }
    return value_->get<std::string>();
}

std::string json_value::where() const {
    return path_.empty() ? *source_ : *source_ + ": " + path_;
}

std::string json_value::describe() const {
    switch (value_->type()) {
    case json::value_t::null:
        return "null";
    case json::value_t::object:
        return "an object";
    case json::value_t::array:
        return "an array";
    case json::value_t::string:
        return "\"" + printable(value_->get_ref<const std::string &>()) + "\"";
    default:
        return value_->dump();
    }
}

void json_value::fail(const std::string & expected) const {
    throw error(KSTT_STATUS_MODEL_FORMAT, where() + " must be " + expected + ", but is " + describe());
}

}  // namespace kstt
