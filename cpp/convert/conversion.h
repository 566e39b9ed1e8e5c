// One checkpoint of any layout rewritten, as our own GGUF or as the weights of the transformers layout, piece by piece:
// the caller decides how much is done at a time and may stop between two calls.
#pragma once

#include "convert/conversion-plan.h"
#include "convert/row-encoder.h"
#include "convert/target-files.h"
#include "convert/tensor-rows.h"
#include "io/model-source.h"
#include "io/output-file.h"
#include "io/output-folder.h"
#include "runtime/thread-pool.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

class conversion {
  public:
    // Opens the source, checks that every tensor is there, and lays out the files: `target` is the GGUF, or the folder
    // for safetensors, which is made if need be. Throws kstt::error: what open_model and plan_conversion throw,
    // INVALID_ARGUMENT (the target is a part of the source), FILE_ACCESS, DISK_FULL.
    conversion(const std::string & source, const std::string & target, const conversion_options & options);

    // Writes at least one piece and stops once max_bytes of output are done.
    void advance(int64_t max_bytes);

    int64_t done() const { return done_; }
    int64_t total() const { return total_; }  // bytes of all files

    // Makes the files appear under their names. INVALID_STATE before all is written.
    void finish();

    // What was done, as JSON; kstt-convert.h lists its members.
    std::string report() const;

  private:
    void check_target() const;
    void write_piece();
    void end_tensor();

    std::string                               path_;
    model_source                              source_;
    conversion_options                        options_;
    conversion_plan                           plan_;
    std::unique_ptr<output_folder>            folder_;  // of safetensors
    std::vector<target_file>                  files_;
    std::vector<std::unique_ptr<output_file>> out_;  // of each
    thread_pool                               pool_;
    row_encoder                               encoder_;
    tensor_rows                               rows_;
    int64_t                                   done_     = 0;
    int64_t                                   total_    = 0;
    bool                                      finished_ = false;

    // Where the work stands.
    size_t file_     = 0;
    size_t in_file_  = 0;  // tensors of the file that are done
    size_t tensor_   = 0;
    bool   is_begun_ = false;  // the tensor
};

}  // namespace kstt
