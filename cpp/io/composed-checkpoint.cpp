#include "io/composed-checkpoint.h"

#include "runtime/error.h"

#include <utility>

namespace kstt {
namespace {

constexpr size_t alignment = 64;

size_t bytes_of(element_type type, const std::vector<int64_t> & shape) {
    const element_block block = element_type_block(type);
    int64_t             n     = 1;
    for (const int64_t dimension : shape) {
        n *= dimension;
    }
    return static_cast<size_t>(n / block.n_elements) * block.n_bytes;
}

}  // namespace

composed_checkpoint::composed_checkpoint(std::string origin, std::shared_ptr<const stored_files> files)
    : origin_(std::move(origin)), files_(std::move(files)) {}

tensor_view & composed_checkpoint::declare(const std::string &          name,
                                           element_type                 type,
                                           const std::vector<int64_t> & shape) {
    KSTT_CHECK(index_.emplace(name, tensors_.size()).second);
    tensor_view tensor;
    tensor.name    = name;
    tensor.type    = type;
    tensor.shape   = shape;
    tensor.n_bytes = bytes_of(type, shape);
    tensors_.push_back(std::move(tensor));
    recipes_.emplace_back();
    return tensors_.back();
}

void composed_checkpoint::add(const std::string &          name,
                              const std::vector<int64_t> & shape,
                              const stored_rows &          rows,
                              const row_order &            order) {
    if (rows.data != nullptr && order == nullptr) {
        tensor_view & tensor = declare(name, rows.type, shape);
        KSTT_CHECK(tensor.n_bytes == static_cast<size_t>(rows.n_rows) * rows.row_bytes);
        tensor.data = rows.data;
        return;
    }
    const int64_t n_rows = shape.size() > 1 ? shape.front() : 1;
    add_made(name, rows.type, shape, rows.sources, [rows, order, n_rows](uint8_t * out) {
        for (int64_t row = 0; row < n_rows; ++row) {
            rows.read(order == nullptr ? row : order(row), out + static_cast<size_t>(row) * rows.row_bytes);
        }
    });
}

void composed_checkpoint::add_joined(const std::string &              name,
                                     const std::vector<int64_t> &     shape,
                                     const std::vector<stored_rows> & parts) {
    bool same_type = true;
    for (const stored_rows & part : parts) {
        same_type = same_type && part.type == parts.front().type;
    }
    std::vector<stored_rows> used;
    std::vector<tensor_view> sources;
    for (const stored_rows & part : parts) {
        used.push_back(same_type ? part : rows_as_f32(part));
        sources.insert(sources.end(), part.sources.begin(), part.sources.end());
    }
    const element_type type = used.front().type;
    add_made(name, type, shape, std::move(sources), [used = std::move(used)](uint8_t * out) {
        for (const stored_rows & part : used) {
            for (int64_t row = 0; row < part.n_rows; ++row) {
                part.read(row, out);
                out += part.row_bytes;
            }
        }
    });
}

void composed_checkpoint::add_made(const std::string &          name,
                                   element_type                 type,
                                   const std::vector<int64_t> & shape,
                                   std::vector<tensor_view>     sources,
                                   make_function                make) {
    declare(name, type, shape);
    recipes_.back().sources = std::move(sources);
    recipes_.back().make    = std::move(make);
}

void composed_checkpoint::seal() {
    size_t              n_bytes = 0;
    std::vector<size_t> offsets(tensors_.size());
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (recipes_[i].make) {
            offsets[i] = n_bytes;
            n_bytes += (tensors_[i].n_bytes + alignment - 1) / alignment * alignment;
        }
    }
    arena_ = page_memory(n_bytes);
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (recipes_[i].make) {
            tensors_[i].data = arena_.data() + offsets[i];
        }
    }
}

void composed_checkpoint::make(size_t index) const {
    recipe & wanted = recipes_[index];
    if (!wanted.make || wanted.is_made) {
        return;
    }
    wanted.make(arena_.data() + (tensors_[index].data - arena_.data()));
    wanted.is_made = true;
    for (const tensor_view & source : wanted.sources) {
        files_->release(source);
    }
}

const tensor_view * composed_checkpoint::find(const std::string & name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) {
        return nullptr;
    }
    make(found->second);
    return &tensors_[found->second];
}

const tensor_view & composed_checkpoint::get(const std::string & name, const std::vector<int64_t> & shape) const {
    const auto found = index_.find(name);
    if (found == index_.end()) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    origin_ + ": tensor " + name + " is missing, expected with shape " + shape_text(shape) +
                        "; the checkpoint is incomplete or does not fit its config.json");
    }
    const tensor_view & tensor = tensors_[found->second];
    if (tensor.shape != shape) {
        throw error(KSTT_STATUS_MODEL_FORMAT,
                    origin_ + ": tensor " + name + ": expected shape " + shape_text(shape) + " by config.json, found " +
                        shape_text(tensor.shape));
    }
    make(found->second);
    return tensor;
}

std::vector<checkpoint::region> composed_checkpoint::regions() const {
    std::vector<region> all = files_->regions();
    if (arena_.size() > 0) {
        region made;
        made.data    = arena_.data();
        made.size    = arena_.size();
        made.is_copy = true;
        all.push_back(made);
    }
    return all;
}

void composed_checkpoint::release(const tensor_view & tensor) const {
    const auto found = index_.find(tensor.name);
    KSTT_CHECK(found != index_.end());
    recipe & entry = recipes_[found->second];
    if (!entry.make) {
        files_->release(tensors_[found->second]);
    } else if (entry.is_made) {
        arena_.discard(tensor.data, tensor.n_bytes);
        if (tensor.n_bytes == tensors_[found->second].n_bytes) {
            entry.is_made = false;  // made again if it is asked for once more
        }
    }
}

uint8_t * composed_checkpoint::spare(const tensor_view & tensor) const {
    const auto found = index_.find(tensor.name);
    KSTT_CHECK(found != index_.end());
    if (!recipes_[found->second].make) {
        return files_->spare(tensors_[found->second]);
    }
    return page_memory::can_discard() ? nullptr : arena_.data() + (tensors_[found->second].data - arena_.data());
}

}  // namespace kstt
