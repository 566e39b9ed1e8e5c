#include "convert/target-files.h"

#include "convert/source-record.h"
#include "io/gguf-model.h"
#include "io/gguf-writer.h"
#include "io/mapped-file.h"
#include "io/safetensors-writer.h"
#include "runtime/error.h"

#include <ggml.h>

#include <algorithm>
#include <map>

namespace kstt {
namespace {

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

uint64_t bytes_of(const planned_tensor & tensor) {
    return tensor_bytes(tensor.shape, tensor.choice.type);
}

// Where each shard ends, in tensors: as huggingface_hub splits.
std::vector<size_t> split(const std::vector<planned_tensor> & tensors, uint64_t max_bytes) {
    std::vector<size_t> ends;
    uint64_t            filled = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
        const uint64_t n_bytes = bytes_of(tensors[i]);
        if (max_bytes > 0 && filled > 0 && filled + n_bytes > max_bytes) {
            ends.push_back(i);
            filled = 0;
        }
        filled += n_bytes;
    }
    ends.push_back(tensors.size());
    return ends;
}

}  // namespace

std::vector<target_file> lay_out_gguf(const model_source &       source,
                                      const std::string &        source_path,
                                      const std::string &        target,
                                      const conversion_plan &    plan,
                                      const conversion_options & options) {
    const element_type type = options.type.value_or(default_gguf_type);
    gguf_writer        writer(gguf_alignment);
    add_model_metadata(writer, source.config, source.tokenizer, record_source(source_path, source));
    writer.add("general.file_type", file_type_number(type));
    if (is_block_format(type)) {
        writer.add("general.quantization_version", uint32_t{ GGML_QNT_VERSION });
    }
    for (const planned_tensor & item : plan.tensors) {
        writer.add_tensor(item.stored, item.shape, item.choice.type);
    }
    target_file file;
    file.path      = target;
    file.head      = writer.header();
    file.n_tensors = plan.tensors.size();
    file.alignment = gguf_alignment;
    file.n_bytes   = file.head.size() + writer.data_bytes();
    return { file };
}

std::vector<target_file> lay_out_safetensors(const std::string & folder,
                                             uint64_t            max_shard_bytes,
                                             conversion_plan &   plan) {
    std::vector<target_file>           files;
    std::map<std::string, std::string> index;
    uint64_t                           total    = 0;
    uint64_t                           n_values = 0;
    const std::vector<size_t>          ends     = split(plan.tensors, max_shard_bytes);
    size_t                             begin    = 0;
    for (const size_t end : ends) {
        const auto        n    = static_cast<int>(files.size() + 1);
        const std::string name = ends.size() == 1
                                     ? "model.safetensors"
                                     : format("model-%05d-of-%05d.safetensors", n, static_cast<int>(ends.size()));
        const auto        at   = [&](size_t i) { return plan.tensors.begin() + static_cast<std::ptrdiff_t>(i); };
        std::stable_sort(at(begin), at(end), [](const planned_tensor & a, const planned_tensor & b) {
            return element_type_size(a.choice.type) > element_type_size(b.choice.type);
        });
        std::vector<safetensors_entry> entries;
        uint64_t                       n_bytes = 0;
        for (size_t i = begin; i < end; ++i) {
            const planned_tensor & item = plan.tensors[i];
            entries.push_back({ item.stored, item.choice.type, item.shape });
            index[item.stored] = name;
            n_bytes += bytes_of(item);
            n_values += bytes_of(item) / element_type_size(item.choice.type);
        }
        target_file file;
        file.path      = path_in_folder(folder, name);
        file.head      = safetensors_header(entries);
        file.n_tensors = end - begin;
        file.n_bytes   = file.head.size() + n_bytes;
        files.push_back(std::move(file));
        total += n_bytes;
        begin = end;
    }
    if (files.size() > 1) {
        target_file file;
        file.path    = path_in_folder(folder, "model.safetensors.index.json");
        file.head    = safetensors_index(index, total, n_values);
        file.n_bytes = file.head.size();
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace kstt
