// Tensors of Kyutai's own files, found by any of the names they have had, and put together as canonical ones.
#pragma once

#include "io/composed-checkpoint.h"
#include "io/model-config.h"
#include "io/original-config.h"
#include "io/stored-files.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

class original_tensors {
  public:
    // `path` names the file in errors; `prefix` stands before every name in it ("lm." and "mimi." in the GGUF files of
    // moshi.cpp).
    original_tensors(std::shared_ptr<const stored_files> files, std::string path, std::string prefix);

    using names = std::initializer_list<std::string>;

    // The first of the names that is there, or nullptr.
    const tensor_view * find(names candidates) const;

    // As rows. A missing tensor, another shape (axes of 1 aside) or a type that weights do not have throws MODEL_FORMAT
    // with the first of the names.
    stored_rows need(names candidates, const std::vector<int64_t> & shape) const;

    const stored_files & files() const { return *files_; }
    const std::string &  path() const { return path_; }
    const std::string &  prefix() const { return prefix_; }

    [[noreturn]] void fail(const std::string & name, const std::string & problem) const;

  private:
    const tensor_view * find_one(const std::string & name) const;

    std::shared_ptr<const stored_files> files_;
    std::string                         path_;
    std::string                         prefix_;
};

// Row r of a canonical (half-split) query or key matrix is row interleaved_row(r) of the original one (spec 2.5).
int64_t interleaved_row(int64_t row, int64_t head_dim);

// Rows first .. first + n of a matrix.
stored_rows slice_rows(const stored_rows & rows, int64_t first, int64_t n);

// Rows of the gated layers' first matrix: gate and value together.
int64_t find_ffn_dim(const original_tensors & stored, const original_config & config);

// The decoder's tensors (spec 2.2 to 2.4). Sets the number of extra heads and of the head's rows in `config`.
void add_decoder_tensors(composed_checkpoint &    out,
                         const original_tensors & stored,
                         const original_config &  original,
                         bool                     as_converted,
                         decoder_config &         config);

// The tensors of the codec's encoder (spec 2.6).
void add_codec_tensors(composed_checkpoint & out, const original_tensors & stored, const codec_config & config);

// Those of its decoder: codebooks, upsampling, transformer, SEANet.
void add_codec_decoder_tensors(composed_checkpoint & out, const original_tensors & stored, const codec_config & config);

}  // namespace kstt
