// A SentencePiece model as the tokenizer.json that transformers makes of it.
#pragma once

#include "text/sentencepiece-model.h"

#include <string>

namespace kstt {

// The JSON text of what transformers' converter for Kyutai's models (MoshiConverter) puts together, with <unk> as a
// special token besides. A BPE model's merges are in the order of their pieces' scores. Throws MODEL_UNSUPPORTED for a
// model that has no such form: spaces at the end of words, scores that are no numbers, overlong pieces of a BPE model.
std::string to_tokenizer_json(const sentencepiece_model & model);

}  // namespace kstt
