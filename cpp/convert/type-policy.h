// Which type each tensor takes in a converted file.
#pragma once

#include "convert/canonical-tensors.h"
#include "io/checkpoint.h"

#include <optional>
#include <string>
#include <vector>

namespace kstt {

// One --keep rule: "GLOB" (the tensor stays in the type of the source) or "GLOB=TYPE". The glob is matched against
// canonical names; * stands for any text, dots included, ? for one character.
struct keep_rule {
    std::string  text;
    std::string  glob;
    bool         as_stored = true;
    element_type type      = element_type::f32;
};

// f32, f16, bf16, q8_0, q4_0 or q4_k; anything else throws INVALID_ARGUMENT.
element_type parse_weight_type(const std::string & name);
keep_rule    parse_keep_rule(const std::string & text);
bool         matches_glob(const std::string & glob, const std::string & name);

struct type_choice {
    element_type type;
    std::string  reason;  // empty: the type that was asked for
};

// The type asked for, and whether the file is to be as small as it can be without telling the difference.
struct type_request {
    element_type type  = element_type::q8_0;
    bool         small = false;
};

// For a GGUF, in this order:
//   --keep                                 as the rule says
//   small: codec, codebooks                f16; loading makes f32 of it
//   small: embeddings                      q4_k where q4_0 or q4_k was asked for
//   codec, codebooks, norms, extra heads   f32: small, or read once per frame, and errors there move every token
//   embeddings, head                       q8_0 where q4_0 or q4_k was asked for: 4 bits there save a tenth of a 1b and
//                                          move logits further (bench/results.md)
//   the rest                               the type asked for
// Rows that are not whole blocks fall back: q4_k to q8_0, and any block format to the type of the source.
// Throws MODEL_UNSUPPORTED for a source that is quantized already and would be rounded again.
type_choice choose_type(const canonical_tensor &       tensor,
                        element_type                   source,
                        const type_request &           wanted,
                        const std::vector<keep_rule> & rules);

// For safetensors: as the rule says; embeddings, head and products of the decoder in the type asked for, if one is;
// else as in the source. What is quantized there becomes bf16, in the codec f32. Throws INVALID_ARGUMENT for a rule
// that asks for a block format.
type_choice choose_float_type(const canonical_tensor &            tensor,
                              element_type                        source,
                              const std::optional<element_type> & wanted,
                              const std::vector<keep_rule> &      rules);

}  // namespace kstt
