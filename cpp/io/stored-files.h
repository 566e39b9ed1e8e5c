// The tensors of the files of a checkpoint under the names they have there, and the pieces canonical tensors are made
// of.
#pragma once

#include "io/checkpoint.h"
#include "io/mapped-file.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace kstt {

class stored_files {
  public:
    // Opens a file of tensors: safetensors, or GGUF where the name ends so. Throws what their readers throw, and
    // MODEL_FORMAT for a tensor that an earlier file has.
    void add(const std::string & path);

    // nullptr when there is no tensor of that name.
    const tensor_view *              find(const std::string & name) const;
    const std::vector<tensor_view> & tensors() const { return tensors_; }

    // Paths, in the order of add.
    std::vector<std::string>        paths() const;
    std::vector<checkpoint::region> regions() const;
    // Path of the file that holds these bytes.
    const std::string &             path_of(const tensor_view & tensor) const;
    // The bytes are not needed soon. `part` lies in one of the files.
    void                            release(const tensor_view & part) const;
    // Its bytes, to be overwritten; nullptr where they may not be.
    uint8_t *                       spare(const tensor_view & part) const;

  private:
    const mapped_file & file_of(const tensor_view & part) const;

    struct opened {
        std::shared_ptr<const void> owner;
        const mapped_file *         file;
    };
    std::vector<opened>                     files_;
    std::vector<tensor_view>                tensors_;
    std::unordered_map<std::string, size_t> index_;
};

// A stored matrix, seen as rows of one element type. Rows of a vector: one.
struct stored_rows {
    element_type                                    type      = element_type::f32;
    int64_t                                         n_rows    = 0;
    int64_t                                         row_size  = 0;  // elements
    size_t                                          row_bytes = 0;
    // The rows as they lie in the file; nullptr where they are packed and have to be computed.
    const uint8_t *                                 data      = nullptr;
    // What they are read from.
    std::vector<tensor_view>                        sources;
    // Writes one row.
    std::function<void(int64_t row, uint8_t * out)> read;
};

// The rows of a tensor as it is stored.
stored_rows rows_of(const tensor_view & tensor);

// The same values in f32.
stored_rows rows_as_f32(const stored_rows & rows);

}  // namespace kstt
