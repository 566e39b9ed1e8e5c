// One checkpoint of any layout rewritten as our own GGUF, piece by piece: the caller decides how much is done at a time
// and may stop between two calls.
#pragma once

#include "convert/row-encoder.h"
#include "convert/type-policy.h"
#include "io/gguf-writer.h"
#include "io/model-source.h"
#include "io/output-file.h"
#include "runtime/thread-pool.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

struct conversion_options {
    element_type             type = element_type::q8_0;
    std::vector<std::string> keep;           // rules, see type-policy.h
    int32_t                  n_threads = 0;  // 0: all processors
};

class conversion {
  public:
    // Opens the source, checks that every tensor is there, and lays out the file. Throws kstt::error: what open_model
    // throws, INVALID_ARGUMENT (a rule that fits no tensor, `target` being a file of the source), MODEL_FORMAT,
    // MODEL_UNSUPPORTED, FILE_ACCESS.
    conversion(const std::string & source, const std::string & target, const conversion_options & options);

    // Writes at least one piece and stops once max_bytes of output are done.
    void advance(int64_t max_bytes);

    int64_t done() const { return done_; }
    int64_t total() const { return total_; }  // bytes of the file

    // Makes the file appear under its name. INVALID_STATE before all is written.
    void finish();

    // What was done, as JSON: path, bytes, type, layout, and for each tensor its name, the name in the file, shape,
    // types before and after, bytes, and why it has another type than asked for.
    std::string report() const;

  private:
    struct planned {
        canonical_tensor tensor;
        std::string      source;  // name in the source
        std::string      usage;   // cluster_usage of a codebook that is stored as sums; else empty
        element_type     from;
        type_choice      choice;
    };

    void plan(const conversion_options & options);
    void write_piece();
    void divide_by_usage(tensor_view & part, int64_t first_row);
    void end_tensor();

    std::string                  path_;
    model_source                 source_;
    element_type                 type_;
    std::vector<planned>         plan_;
    std::unique_ptr<output_file> out_;
    thread_pool                  pool_;
    row_encoder                  encoder_;
    int64_t                      done_     = 0;
    int64_t                      total_    = 0;
    bool                         finished_ = false;

    // Where the work stands: tensor, row, and what the tensor needs.
    size_t               tensor_ = 0;
    int64_t              row_    = 0;
    tensor_view          view_;
    std::vector<float>   usage_;
    std::vector<float>   entries_;
    std::vector<uint8_t> buffer_;
};

}  // namespace kstt
