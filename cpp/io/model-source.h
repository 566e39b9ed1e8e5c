// Where a model comes from: one opener for every layout. What it returns is canonical, so that nothing behind it knows
// which files there were.
//
// Canonical form: the configuration with transformers' names (model-config.h), and tensors with the names, shapes and
// row orders of the transformers layout (spec 2.4, 2.6): half-split RoPE, q, k and v apart, one embedding table,
// "codec_model." before the codec. Beyond that, where the checkpoint has them: "extra_heads.{i}.weight".
#pragma once

#include "io/checkpoint.h"
#include "io/model-config.h"
#include "io/tokenizer-file.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kstt {

// What counts where a checkpoint's files, transformers' conversion and the training of a model differ.
enum class compat_mode {
    files,  // the files
    // A checkpoint that was not made for transformers is given what transformers' conversion would have given it: an
    // attention window of 375 for the 1b, a start token beyond the text table, and a head with a row for the start
    // token (spec 5.4 a, c, d). No effect on the transformers layout, which says all that itself.
    transformers,
    // The 1b in the transformers layout gets the attention window that it was trained with (spec 5.4 c). No effect on
    // other layouts, whose files have it; nor on a GGUF of ours, for which whoever wrote it decided.
    trained
};

struct source_options {
    // Audio streams to read; fewer than the checkpoint has are cheaper (spec 3.6: unmute reads 20). 0: all.
    int32_t     n_codebooks = 0;
    compat_mode compat      = compat_mode::files;
};

struct model_source {
    std::string                       layout;  // "transformers", "original", "candle", "mlx", "gguf", "moshi.cpp"
    std::vector<std::string>          files;   // paths that were read
    model_config                      config;
    tokenizer_file                    tokenizer;
    std::shared_ptr<const checkpoint> weights;
    // Makes a checkpoint that also has the codec's decoder half, which transcription never looks at. Empty: `weights`
    // is that. Throws MODEL_FORMAT where the files have none, or a damaged one.
    std::function<std::shared_ptr<const checkpoint>()> open_codec_decoder;
};

// `path`: a checkpoint's folder, or its file of weights. The layout is detected from the files. Headers are read and
// checked, weights are not. Throws kstt::error: FILE_NOT_FOUND, FILE_ACCESS, MODEL_FORMAT, MODEL_UNSUPPORTED.
model_source open_model(const std::string & path, const source_options & options);

}  // namespace kstt
