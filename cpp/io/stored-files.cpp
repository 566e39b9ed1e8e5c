#include "io/stored-files.h"

#include "io/gguf-file.h"
#include "io/json-file.h"
#include "io/safetensors-file.h"
#include "runtime/error.h"

#include <cstring>
#include <utility>

namespace kstt {
namespace {

bool ends_with(const std::string & text, const std::string & ending) {
    return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

bool lies_in(const mapped_file & file, const tensor_view & part) {
    return part.data >= file.data() && part.data + part.n_bytes <= file.data() + file.size();
}

}  // namespace

void stored_files::add(const std::string & path) {
    const auto take = [this](const auto & file) {
        files_.push_back({ file, &file->file() });
        for (const tensor_view & tensor : file->tensors()) {
            const auto [known, fresh] = index_.try_emplace(tensor.name, tensors_.size());
            if (!fresh) {
                throw error(KSTT_STATUS_MODEL_FORMAT,
                            file->file().path() + ": tensor " + printable(tensor.name) + " is also in " +
                                path_of(tensors_[known->second]));
            }
            tensors_.push_back(tensor);
        }
    };
    if (ends_with(path, ".gguf")) {
        take(std::make_shared<const gguf_file>(path));
    } else {
        take(std::make_shared<const safetensors_file>(path));
    }
}

const tensor_view * stored_files::find(const std::string & name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::vector<std::string> stored_files::paths() const {
    std::vector<std::string> all;
    all.reserve(files_.size());
    for (const opened & each : files_) {
        all.push_back(each.file->path());
    }
    return all;
}

std::vector<checkpoint::region> stored_files::regions() const {
    std::vector<checkpoint::region> all;
    all.reserve(files_.size());
    for (const opened & each : files_) {
        all.push_back({ each.file->data(), each.file->size() });
    }
    return all;
}

const mapped_file & stored_files::file_of(const tensor_view & part) const {
    for (const opened & each : files_) {
        if (lies_in(*each.file, part)) {
            return *each.file;
        }
    }
    throw error(KSTT_STATUS_INTERNAL, "tensor " + part.name + " lies in none of the files");
}

const std::string & stored_files::path_of(const tensor_view & tensor) const {
    return file_of(tensor).path();
}

void stored_files::release(const tensor_view & part) const {
    file_of(part).release(part.data, part.n_bytes);
}

uint8_t * stored_files::spare(const tensor_view & part) const {
    return file_of(part).spare(part.data);
}

stored_rows rows_of(const tensor_view & tensor) {
    const element_block block = element_type_block(tensor.type);
    stored_rows         rows;
    rows.type     = tensor.type;
    rows.row_size = tensor.shape.empty() ? 1 : tensor.shape.back();
    rows.n_rows   = rows.row_size == 0 ? 0 : tensor.n_elements() / rows.row_size;
    KSTT_CHECK(rows.row_size % block.n_elements == 0);
    rows.row_bytes = static_cast<size_t>(rows.row_size / block.n_elements) * block.n_bytes;
    rows.data      = tensor.data;
    rows.sources   = { tensor };
    rows.read      = [data = tensor.data, n_bytes = rows.row_bytes](int64_t row, uint8_t * out) {
        std::memcpy(out, data + static_cast<size_t>(row) * n_bytes, n_bytes);
    };
    return rows;
}

stored_rows rows_as_f32(const stored_rows & rows) {
    if (rows.type == element_type::f32) {
        return rows;
    }
    stored_rows wide = rows;
    wide.type        = element_type::f32;
    wide.row_bytes   = static_cast<size_t>(rows.row_size) * sizeof(float);
    wide.data        = nullptr;
    wide.read        = [rows, stored = std::vector<uint8_t>(rows.row_bytes)](int64_t row, uint8_t * out) mutable {
        rows.read(row, stored.data());
        tensor_view view;
        view.type    = rows.type;
        view.shape   = { rows.row_size };
        view.data    = stored.data();
        view.n_bytes = stored.size();
        // The output lies in memory aligned for floats.
        convert_to_f32(view, reinterpret_cast<float *>(out));
    };
    return wide;
}

}  // namespace kstt
