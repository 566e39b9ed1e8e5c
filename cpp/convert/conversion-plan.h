// What a conversion writes: each tensor of the target, where its values come from, and in which type it is stored.
#pragma once

#include "convert/canonical-tensors.h"
#include "convert/type-policy.h"
#include "io/checkpoint.h"
#include "io/model-source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kstt {

enum class target_format { gguf, safetensors };

constexpr element_type default_gguf_type = element_type::q8_0;

struct conversion_options {
    target_format               format = target_format::gguf;
    // Of the decoder's weights. Nothing: q8_0 in a GGUF; in safetensors as in the source, bf16 where that is quantized.
    std::optional<element_type> type;
    std::vector<std::string>    keep;                     // rules, see type-policy.h
    bool                        small           = false;  // of a GGUF, see choose_type
    // Whether a GGUF gets the codec's decoder half. Safetensors have it wherever the source does.
    bool                        codec_decoder   = false;
    compat_mode                 compat          = compat_mode::files;
    uint64_t                    max_shard_bytes = 0;  // of a safetensors file; 0: all in one
    int32_t                     n_threads       = 0;  // 0: all processors
};

// Values come row by row from `source`, divided by `usage` where there is one; `n_filled` rows of `fill` follow.
struct planned_tensor {
    std::string          name;    // as in the transformers layout
    std::string          stored;  // in the target
    std::vector<int64_t> shape;
    const checkpoint *   weights = nullptr;  // that has the source
    std::string          source;             // empty: nothing but filled rows
    std::string          usage;              // cluster_usage of a codebook that is stored as sums; else empty
    int64_t              n_filled = 0;
    float                fill     = 0.0F;
    element_type         from     = element_type::f32;
    type_choice          choice   = {};
};

struct conversion_plan {
    std::vector<planned_tensor>       tensors;                    // in the order of the target
    std::vector<std::string>          left_out;                   // of the source: what the target has no place for
    std::shared_ptr<const checkpoint> codec_half;                 // that has tensors of the codec's decoder; kept alive
    bool                              has_codec_decoder = false;  // whether all of them are written
};

// Throws INVALID_ARGUMENT (options that do not go together, a rule that fits no tensor), MODEL_FORMAT (a tensor that is
// missing or of another shape), MODEL_UNSUPPORTED (a source that would be rounded twice, or has no decoder half where
// one is asked for).
conversion_plan plan_conversion(const model_source & source, const conversion_options & options);

}  // namespace kstt
