#include "io/gguf-checkpoint.h"

#include "io/gguf-names.h"
#include "io/json-file.h"
#include "runtime/error.h"

#include <unordered_map>
#include <utility>

namespace kstt {
namespace {

std::string shape_text(const std::vector<int64_t> & shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    }
    return text + "]";
}

bool is_weight_type(element_type type) {
    return type == element_type::f32 || type == element_type::f16 || type == element_type::bf16 ||
           is_block_format(type);
}

class gguf_checkpoint final : public checkpoint {
  public:
    explicit gguf_checkpoint(std::unique_ptr<gguf_file> file) : file_(std::move(file)), tensors_(file_->tensors()) {
        for (size_t i = 0; i < tensors_.size(); ++i) {
            tensors_[i].name = canonical_name(tensors_[i].name);
            if (!index_.try_emplace(tensors_[i].name, i).second) {
                throw error(KSTT_STATUS_MODEL_FORMAT,
                            path() + ": tensor " + printable(tensors_[i].name) +
                                " is there under two names; the file was not written by this program");
            }
        }
    }

    const tensor_view * find(const std::string & name) const override {
        const auto found = index_.find(name);
        return found == index_.end() ? nullptr : &tensors_[found->second];
    }

    const tensor_view & get(const std::string & name, const std::vector<int64_t> & shape) const override {
        const tensor_view * tensor = find(name);
        const std::string   where  = path() + ": tensor " + stored_name(name);
        if (tensor == nullptr) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        where + " is missing, expected with shape " + shape_text(shape) +
                            "; the file is incomplete, convert the checkpoint again");
        }
        if (tensor->shape != shape) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        where + ": expected shape " + shape_text(shape) + " by the metadata, found " +
                            shape_text(tensor->shape));
        }
        if (!is_weight_type(tensor->type)) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        where + ": expected a type of weights, found " + element_type_name(tensor->type));
        }
        return *tensor;
    }

    const std::vector<tensor_view> & tensors() const override { return tensors_; }

    std::vector<region> regions() const override {
        region whole;
        whole.data = file_->file().data();
        whole.size = file_->file().size();
        return { whole };
    }

    std::vector<std::string> files() const override { return { path() }; }

    void release(const tensor_view & tensor) const override { file_->file().release(tensor.data, tensor.n_bytes); }

    uint8_t * spare(const tensor_view & tensor) const override { return file_->file().spare(tensor.data); }

  private:
    const std::string & path() const { return file_->file().path(); }

    std::unique_ptr<gguf_file>              file_;
    std::vector<tensor_view>                tensors_;
    std::unordered_map<std::string, size_t> index_;
};

}  // namespace

std::unique_ptr<checkpoint> open_gguf_checkpoint(std::unique_ptr<gguf_file> file) {
    return std::make_unique<gguf_checkpoint>(std::move(file));
}

}  // namespace kstt
