#include "io/checkpoint.h"

#include "io/json-file.h"
#include "io/mapped-file.h"
#include "io/safetensors-file.h"
#include "runtime/error.h"

#include <set>
#include <unordered_map>
#include <utility>

namespace kstt {
namespace {

constexpr const char * single_name = "model.safetensors";
constexpr const char * index_name  = "model.safetensors.index.json";

// A 2.6b checkpoint's index is some 50 kB.
constexpr size_t max_index_bytes = size_t{ 64 } << 20U;

class mapped_checkpoint final : public checkpoint {
  public:
    explicit mapped_checkpoint(std::string folder) : folder_(std::move(folder)) {}

    // Opens one file of the folder and takes its tensors.
    void add_file(const std::string & name) {
        files_.push_back(std::make_unique<safetensors_file>(path_in_folder(folder_, name)));
        for (const tensor_view & tensor : files_.back()->tensors()) {
            const auto [known, fresh] = entries_.try_emplace(tensor.name, entry{ tensors_.size(), files_.size() - 1 });
            if (!fresh) {
                throw error(KSTT_STATUS_MODEL_FORMAT,
                            folder_ + ": tensor " + printable(tensor.name) + " is in both " + file_path(known->second) +
                                " and " + files_.back()->file().path());
            }
            tensors_.push_back(tensor);
        }
    }

    // True if the tensor came from the file of that name.
    bool holds(const std::string & tensor, const std::string & file_name) const {
        const auto found = entries_.find(tensor);
        return found != entries_.end() && file_path(found->second) == path_in_folder(folder_, file_name);
    }

    const tensor_view * find(const std::string & name) const override {
        const auto found = entries_.find(name);
        return found == entries_.end() ? nullptr : &tensors_[found->second.tensor];
    }

    const tensor_view & get(const std::string & name, const std::vector<int64_t> & shape) const override {
        const auto found = entries_.find(name);
        if (found == entries_.end()) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        folder_ + ": tensor " + name + " is missing, expected with shape " + shape_text(shape) +
                            "; the checkpoint is incomplete or does not fit its config.json");
        }
        const tensor_view & tensor = tensors_[found->second.tensor];
        if (tensor.shape != shape) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        file_path(found->second) + ": tensor " + name + ": expected shape " + shape_text(shape) +
                            " by config.json, found " + shape_text(tensor.shape));
        }
        if (tensor.type != element_type::f32 && tensor.type != element_type::f16 && tensor.type != element_type::bf16) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        file_path(found->second) + ": tensor " + name + ": expected type f32, f16 or bf16, found " +
                            element_type_name(tensor.type));
        }
        return tensor;
    }

    const std::vector<tensor_view> & tensors() const override { return tensors_; }

    std::vector<std::string> files() const override {
        std::vector<std::string> paths;
        paths.reserve(files_.size());
        for (const auto & file : files_) {
            paths.push_back(file->file().path());
        }
        return paths;
    }

    std::vector<region> regions() const override {
        std::vector<region> all;
        all.reserve(files_.size());
        for (const auto & file : files_) {
            all.push_back({ file->file().data(), file->file().size() });
        }
        return all;
    }

    void release(const tensor_view & tensor) const override {
        const auto found = entries_.find(tensor.name);
        KSTT_CHECK(found != entries_.end());
        files_[found->second.file]->file().release(tensor.data, tensor.n_bytes);
    }

    uint8_t * spare(const tensor_view & tensor) const override {
        const auto found = entries_.find(tensor.name);
        KSTT_CHECK(found != entries_.end());
        return files_[found->second.file]->file().spare(tensor.data);
    }

  private:
    struct entry {
        size_t tensor;
        size_t file;
    };

    const std::string & file_path(const entry & e) const { return files_[e.file]->file().path(); }

    std::string                                    folder_;
    std::vector<std::unique_ptr<safetensors_file>> files_;
    std::vector<tensor_view>                       tensors_;
    std::unordered_map<std::string, entry>         entries_;
};

void open_shards(mapped_checkpoint & checkpoint, const std::string & folder) {
    const json_value index = json_value::read(path_in_folder(folder, index_name), max_index_bytes);
    const json_value map   = index.at("weight_map");
    map.expect_object();

    std::set<std::string> shards;
    for (const auto & item : map.raw().items()) {
        const json_value  entry = map.at(item.key());
        const std::string shard = entry.string();
        if (!is_plain_file_name(shard)) {
            entry.fail("the name of a file beside the index");
        }
        if (!file_exists(path_in_folder(folder, shard))) {
            throw error(KSTT_STATUS_FILE_NOT_FOUND,
                        path_in_folder(folder, shard) + ": no such file, but " + index_name +
                            " names it; fetch all shards of the checkpoint");
        }
        shards.insert(shard);
    }
    if (shards.empty()) {
        map.fail("an object with at least one tensor");
    }
    for (const std::string & shard : shards) {
        checkpoint.add_file(shard);
    }
    for (const auto & item : map.raw().items()) {
        const std::string shard = map.at(item.key()).string();
        if (!checkpoint.holds(item.key(), shard)) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        index.where() + ": tensor " + printable(item.key()) + " should be in " + shard +
                            ", but is not there");
        }
    }
}

[[noreturn]] void throw_no_weights(const std::string & folder) {
    std::string message = folder + ": holds neither " + single_name + " nor " + index_name;
    if (file_exists(path_in_folder(folder, "pytorch_model.bin")) ||
        file_exists(path_in_folder(folder, "pytorch_model.bin.index.json"))) {
        message += "; its pytorch_model.bin is not read, save the model with save_pretrained of transformers";
    } else {
        message += "; give the folder of a checkpoint in the transformers layout";
    }
    throw error(KSTT_STATUS_FILE_NOT_FOUND, message);
}

}  // namespace

std::unique_ptr<checkpoint> checkpoint::open(const std::string & folder) {
    require_folder(folder);
    auto opened = std::make_unique<mapped_checkpoint>(folder);
    // The single file wins where both are there, as in transformers.
    if (file_exists(path_in_folder(folder, single_name))) {
        opened->add_file(single_name);
    } else if (file_exists(path_in_folder(folder, index_name))) {
        open_shards(*opened, folder);
    } else {
        throw_no_weights(folder);
    }
    return opened;
}

}  // namespace kstt
