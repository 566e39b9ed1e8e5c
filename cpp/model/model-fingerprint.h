// Tells two models apart: the state of a stream means something to the weights that made it only.
#pragma once

#include "model/stt-model.h"

#include <cstdint>

namespace kstt {

// Of the hyper-parameters and of a sample of every layer's weights; reads a few pages of the file.
uint64_t model_fingerprint(const stt_model & model);

// FNV-1a of n bytes, going on from `hash`.
uint64_t hash_bytes(const void * bytes, size_t n, uint64_t hash = 14695981039346656037U);

}  // namespace kstt
