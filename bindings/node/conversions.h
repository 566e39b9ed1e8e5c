// JS values to the types of kstt.h and back. Readers throw ERR_INVALID_ARGUMENT naming the argument; they guard memory,
// not meaning: ranges are the core's business.
#pragma once

#include "napi-setup.h"

#include <kstt.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kstt_node {

std::string              to_text(const Napi::Value & value, const char * name);
int32_t                  to_int32(const Napi::Value & value, const char * name);
int64_t                  to_int64(const Napi::Value & value, const char * name);
double                   to_finite(const Napi::Value & value, const char * name);
bool                     to_bool(const Napi::Value & value, const char * name);
// The boolean of that name as the C ABI wants it: 0 or 1.
int32_t                  to_flag(const Napi::Object & object, const char * name);
Napi::Object             to_object(const Napi::Value & value, const char * name);
// An array of strings.
std::vector<std::string> to_texts(const Napi::Value & value, const char * name);

// Samples of a Float32Array, still in JS memory: valid on the environment's thread until JS runs again.
struct sample_view {
    const float * data;
    size_t        size;
};

sample_view        to_samples(const Napi::Value & value, const char * name);
std::vector<float> copy_samples(Napi::Env env, const sample_view & samples);

// A Uint8Array, copied.
std::vector<uint8_t> copy_bytes(const Napi::Value & value, const char * name);

// [n_rows][n_samples], copied: refuses an array of any other length, since the core trusts the shape it is told.
struct sample_rows {
    std::vector<float> values;
    int32_t            n_rows    = 0;
    size_t             n_samples = 0;
};

// [n_rows][n_quantizers][n_frames], copied: refuses an array of any other length.
struct code_rows {
    std::vector<int32_t> values;
    int32_t              n_rows       = 0;
    int32_t              n_quantizers = 0;
    size_t               n_frames     = 0;
};

code_rows to_codes(const Napi::Value & values,
                   const Napi::Value & n_rows,
                   const Napi::Value & n_quantizers,
                   const Napi::Value & n_frames);

sample_rows to_rows(const Napi::Value & values, const Napi::Value & n_rows, const Napi::Value & n_samples);

// KSTT_COMPAT_* for transformersCompat; undefined: the files.
int32_t to_compat(const Napi::Value & value);

// codebooks and transformersCompat, where they are given.
void read_source_options(const Napi::Object & options, kstt_engine_params & params);

Napi::Object from_info(Napi::Env env, const kstt_engine_info & info);
Napi::Object from_stats(Napi::Env env, const kstt_engine_stats & stats);
Napi::Object from_progress(Napi::Env env, const kstt_progress & progress);
Napi::Value  from_int32s(Napi::Env env, const int32_t * values, size_t n);
Napi::Value  from_bytes(Napi::Env env, const std::vector<uint8_t> & values);
Napi::Value  from_floats(Napi::Env env, const std::vector<float> & values);

}  // namespace kstt_node
