#include "convert/conversion.h"

#include "convert/source-record.h"
#include "io/gguf-model.h"
#include "io/gguf-names.h"
#include "io/mapped-file.h"
#include "runtime/device.h"
#include "runtime/error.h"

#include <ggml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

namespace kstt {
namespace {

// Source bytes per piece: what is in memory at a time, besides its result.
constexpr size_t piece_bytes = size_t{ 8 } << 20U;

// LLAMA_FTYPE of llama.h: what generic tools show as the type of a file.
uint32_t file_type_number(element_type type) {
    switch (type) {
    case element_type::f16:
        return 1;
    case element_type::q4_0:
        return 2;
    case element_type::q8_0:
        return 7;
    case element_type::q4_k:
        return 14;
    case element_type::bf16:
        return 32;
    default:
        return 0;
    }
}

void check_rules(const std::vector<keep_rule> & rules, const std::vector<canonical_tensor> & tensors) {
    for (const keep_rule & rule : rules) {
        const bool used = std::any_of(tensors.begin(), tensors.end(), [&](const canonical_tensor & tensor) {
            return matches_glob(rule.glob, tensor.name);
        });
        if (!used) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        "keep rule \"" + rule.text +
                            "\" fits no tensor; names are those of the transformers layout, such as " +
                            tensors.back().name);
        }
    }
}

void check_target(const std::string & target, const std::vector<std::string> & files) {
    for (const std::string & file : files) {
        if (is_same_file(target, file)) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        target + ": is a file of the source; give another name for the result");
        }
    }
}

}  // namespace

conversion::conversion(const std::string & source, const std::string & target, const conversion_options & options)
    : path_(target), source_(open_model(source, source_options())), type_(options.type),
      pool_(options.n_threads > 0 ? options.n_threads : n_hardware_threads()), encoder_(pool_) {
    check_target(target, source_.files);
    plan(options);
    gguf_writer writer(gguf_alignment);
    add_model_metadata(writer, source_.config, source_.tokenizer, record_source(source, source_));
    writer.add("general.file_type", file_type_number(type_));
    if (is_block_format(type_)) {
        writer.add("general.quantization_version", uint32_t{ GGML_QNT_VERSION });
    }
    for (const planned & item : plan_) {
        writer.add_tensor(stored_name(item.tensor.name), item.tensor.shape, item.choice.type);
    }
    const std::string header = writer.header();
    total_                   = static_cast<int64_t>(header.size() + writer.data_bytes());
    out_                     = std::make_unique<output_file>(target, static_cast<uint64_t>(total_));
    out_->write(header.data(), header.size());
    done_ = static_cast<int64_t>(out_->written());
}

void conversion::plan(const conversion_options & options) {
    std::vector<keep_rule> rules;
    rules.reserve(options.keep.size());
    for (const std::string & text : options.keep) {
        rules.push_back(parse_keep_rule(text));
    }
    const std::vector<canonical_tensor> tensors = canonical_tensors(source_.config);
    check_rules(rules, tensors);
    std::unordered_map<std::string, const tensor_view *> stored;
    for (const tensor_view & tensor : source_.weights->tensors()) {
        stored.emplace(tensor.name, &tensor);
    }
    const auto require = [&](const std::string & name, const std::vector<int64_t> & shape) {
        const auto found = stored.find(name);
        if (found == stored.end()) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "the checkpoint lacks tensor " + name + ", expected with shape " + shape_text(shape) +
                            "; it is incomplete or does not fit its configuration");
        }
        if (found->second->shape != shape) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "tensor " + name + ": expected shape " + shape_text(shape) + " by the configuration, found " +
                            shape_text(found->second->shape));
        }
        const element_type type = found->second->type;
        if (type != element_type::f32 && type != element_type::f16 && type != element_type::bf16 &&
            !is_block_format(type)) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "tensor " + name + ": expected a type of weights, found " + element_type_name(type));
        }
        return type;
    };
    for (const canonical_tensor & tensor : tensors) {
        planned item;
        item.tensor = tensor;
        item.source = tensor.name;
        if (tensor.role == tensor_role::codebook && stored.count(tensor.name) == 0) {
            const std::string base = tensor.name.substr(0, tensor.name.rfind('.') + 1);
            item.source            = base + "embed_sum";
            item.usage             = base + "cluster_usage";
            require(item.usage, { tensor.shape[0] });
        }
        item.from   = require(item.source, tensor.shape);
        item.choice = choose_type(tensor, item.from, options.type, rules);
        plan_.push_back(std::move(item));
    }
}

void conversion::advance(int64_t max_bytes) {
    const int64_t stop = done_ + std::min(max_bytes, total_ - done_);
    while (done_ < stop) {
        write_piece();
    }
}

void conversion::write_piece() {
    const planned & item = plan_[tensor_];
    if (row_ == 0) {
        view_ = *source_.weights->find(item.source);
        if (!item.usage.empty()) {
            const tensor_view & usage = *source_.weights->find(item.usage);
            usage_.resize(static_cast<size_t>(usage.n_elements()));
            convert_to_f32(usage, usage_.data());
        }
    }
    const int64_t row_size  = view_.shape.back();
    const int64_t n_rows    = view_.n_elements() / row_size;
    const size_t  row_bytes = view_.n_bytes / static_cast<size_t>(n_rows);
    const int64_t count = std::min(n_rows - row_, std::max<int64_t>(1, static_cast<int64_t>(piece_bytes / row_bytes)));

    tensor_view part       = view_;
    part.shape             = { count, row_size };
    part.data              = view_.data + static_cast<size_t>(row_) * row_bytes;
    part.n_bytes           = static_cast<size_t>(count) * row_bytes;
    const tensor_view read = part;
    if (!item.usage.empty()) {
        divide_by_usage(part, row_);
    }
    if (part.type == item.choice.type) {
        out_->write(part.data, part.n_bytes);
    } else {
        buffer_.resize(static_cast<size_t>(tensor_bytes(part.shape, item.choice.type)));
        encoder_.encode(part, item.choice.type, buffer_.data());
        out_->write(buffer_.data(), buffer_.size());
    }
    source_.weights->release(read);
    row_ += count;
    if (row_ == n_rows) {
        end_tensor();
    }
    done_ = static_cast<int64_t>(out_->written());
}

// The entries of a codebook from sums and counts, as the loader computes them (spec 2.6).
void conversion::divide_by_usage(tensor_view & part, int64_t first_row) {
    entries_.resize(static_cast<size_t>(part.n_elements()));
    convert_to_f32(part, entries_.data());
    const int64_t dim = part.shape[1];
    for (int64_t row = 0; row < part.shape[0]; ++row) {
        const float divisor = std::max(usage_[static_cast<size_t>(first_row + row)], 1e-5F);
        for (int64_t i = 0; i < dim; ++i) {
            entries_[static_cast<size_t>(row * dim + i)] /= divisor;
        }
    }
    part.type    = element_type::f32;
    part.data    = reinterpret_cast<const uint8_t *>(entries_.data());
    part.n_bytes = entries_.size() * sizeof(float);
}

void conversion::end_tensor() {
    source_.weights->release(view_);
    ++tensor_;
    row_                               = 0;
    const uint64_t             padding = (gguf_alignment - out_->written() % gguf_alignment) % gguf_alignment;
    const std::vector<uint8_t> zeros(static_cast<size_t>(padding), 0);
    out_->write(zeros.data(), zeros.size());
}

void conversion::finish() {
    if (done_ < total_ || finished_) {
        throw error(KSTT_STATUS_INVALID_STATE,
                    finished_ ? "the conversion is finished already" : "the conversion is not done; advance it first");
    }
    out_->finish();
    finished_ = true;
}

std::string conversion::report() const {
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const planned & item : plan_) {
        nlohmann::ordered_json entry = { { "name", item.tensor.name },
                                         { "stored", stored_name(item.tensor.name) },
                                         { "shape", item.tensor.shape },
                                         { "from", element_type_name(item.from) },
                                         { "to", element_type_name(item.choice.type) },
                                         { "bytes", tensor_bytes(item.tensor.shape, item.choice.type) } };
        if (!item.choice.reason.empty()) {
            entry["reason"] = item.choice.reason;
        }
        tensors.push_back(std::move(entry));
    }
    const nlohmann::ordered_json report = { { "path", path_ },
                                            { "bytes", total_ },
                                            { "dtype", element_type_name(type_) },
                                            { "layout", source_.layout },
                                            { "tensors", std::move(tensors) } };
    return report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace kstt
