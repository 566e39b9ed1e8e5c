#include "convert/conversion.h"

#include "io/gguf-writer.h"
#include "io/mapped-file.h"
#include "runtime/device.h"
#include "runtime/error.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace kstt {
namespace {

source_options source_options_of(const conversion_options & options) {
    source_options result;
    result.compat = options.compat;
    return result;
}

bool is_gguf(const conversion_options & options) {
    return options.format == target_format::gguf;
}

// The type that most of the decoder's products have.
element_type main_type(const conversion_plan & plan) {
    std::map<element_type, uint64_t> bytes;
    for (const planned_tensor & item : plan.tensors) {
        if (item.name.compare(0, 13, "model.layers.") == 0) {
            bytes[item.choice.type] += tensor_bytes(item.shape, item.choice.type);
        }
    }
    const auto most = std::max_element(
        bytes.begin(), bytes.end(), [](const auto & a, const auto & b) { return a.second < b.second; });
    return most == bytes.end() ? element_type::f32 : most->first;
}

}  // namespace

conversion::conversion(const std::string & source, const std::string & target, const conversion_options & options)
    : path_(target), source_(open_model(source, source_options_of(options))), options_(options),
      plan_(plan_conversion(source_, options)), pool_(options.n_threads > 0 ? options.n_threads : n_hardware_threads()),
      encoder_(pool_), rows_(encoder_) {
    check_target();
    if (is_gguf(options)) {
        files_ = lay_out_gguf(source_, source, target, plan_, options);
    } else {
        folder_ = std::make_unique<output_folder>(target);
        files_  = lay_out_safetensors(target, options.max_shard_bytes, plan_);
    }
    for (const target_file & file : files_) {
        out_.push_back(std::make_unique<output_file>(file.path, file.n_bytes));
        out_.back()->write(file.head.data(), file.head.size());
        done_ += static_cast<int64_t>(file.head.size());
        total_ += static_cast<int64_t>(file.n_bytes);
    }
}

// In a folder the files that describe the source would be overwritten by those that describe the result.
void conversion::check_target() const {
    for (const std::string & file : source_.files) {
        if (is_gguf(options_) && is_same_file(path_, file)) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        path_ + ": is a file of the source; give another name for the result");
        }
        if (!is_gguf(options_) && is_same_file(path_in_folder(path_, file_name_of(file)), file)) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT, path_ + ": is the folder of the source; give another one");
        }
    }
}

void conversion::advance(int64_t max_bytes) {
    const int64_t stop = done_ + std::min(max_bytes, total_ - done_);
    while (done_ < stop) {
        write_piece();
    }
}

void conversion::write_piece() {
    if (!is_begun_) {
        rows_.begin(plan_.tensors[tensor_]);
        is_begun_ = true;
    }
    output_file &  out    = *out_[file_];
    const uint64_t before = out.written();
    const bool     ended  = rows_.write_some(out);
    if (ended) {
        const uint64_t             alignment = files_[file_].alignment;
        const uint64_t             padding   = (alignment - out.written() % alignment) % alignment;
        const std::vector<uint8_t> zeros(static_cast<size_t>(padding), 0);
        out.write(zeros.data(), zeros.size());
    }
    done_ += static_cast<int64_t>(out.written() - before);
    if (ended) {
        end_tensor();
    }
}

void conversion::end_tensor() {
    is_begun_ = false;
    ++tensor_;
    if (++in_file_ == files_[file_].n_tensors) {
        in_file_ = 0;
        ++file_;
    }
}

void conversion::finish() {
    if (done_ < total_ || finished_) {
        throw error(KSTT_STATUS_INVALID_STATE,
                    finished_ ? "the conversion is finished already" : "the conversion is not done; advance it first");
    }
    for (const auto & file : out_) {
        file->finish();
    }
    finished_ = true;
}

std::string conversion::report() const {
    using json   = nlohmann::ordered_json;
    json tensors = json::array();
    for (const planned_tensor & item : plan_.tensors) {
        json entry = { { "name", item.name },
                       { "stored", item.stored },
                       { "shape", item.shape },
                       { "from", element_type_name(item.from) },
                       { "to", element_type_name(item.choice.type) },
                       { "bytes", tensor_bytes(item.shape, item.choice.type) } };
        if (!item.choice.reason.empty()) {
            entry["reason"] = item.choice.reason;
        }
        tensors.push_back(std::move(entry));
    }
    json files = json::array();
    for (const target_file & file : files_) {
        files.push_back({ { "path", file.path }, { "bytes", file.n_bytes } });
    }
    const element_type type   = is_gguf(options_) ? options_.type.value_or(default_gguf_type) : main_type(plan_);
    const json         report = { { "path", path_ },
                                  { "format", is_gguf(options_) ? "gguf" : "safetensors" },
                                  { "bytes", total_ },
                                  { "dtype", element_type_name(type) },
                                  { "layout", source_.layout },
                                  { "files", std::move(files) },
                                  { "codecDecoder", plan_.has_codec_decoder },
                                  { "leftOut", plan_.left_out },
                                  { "tensors", std::move(tensors) } };
    return report.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kstt
