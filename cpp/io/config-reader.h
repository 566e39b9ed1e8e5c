// Typed keys of one configuration object. A missing key takes the fallback; a wrong type or an absurd value throws
// MODEL_FORMAT naming file and key.
#pragma once

#include "io/json-file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kstt {

// Bounds that no sane checkpoint reaches and that keep every product of two of them within 2^40.
constexpr int32_t max_dimension = 1 << 20;
constexpr int32_t max_layers    = 4096;

class config_reader {
  public:
    explicit config_reader(const json_value & object) : object_(object) { object_.expect_object(); }

    bool contains(const char * key) const { return object_.contains(key); }
    bool is_null(const char * key) const { return object_.is_null(key); }  // true if absent too

    int32_t              integer(const char * key, int32_t fallback, int32_t min, int32_t max) const;
    int32_t              dimension(const char * key, int32_t fallback) const;  // 1..max_dimension
    std::vector<int32_t> dimensions(const char *                 key,
                                    const std::vector<int32_t> & fallback) const;  // null, []: fallback
    bool                 boolean(const char * key, bool fallback) const;
    std::string          string(const char * key, const std::string & fallback) const;
    double               number(const char * key, double fallback) const;  // null: fallback
    double               number(const char * key, double fallback, double min, double max) const;
    float                epsilon(const char * key, float fallback) const;  // 0..1

    // From rope_parameters, rope_scaling or rope_theta, whichever transformers 5.18 would use; 10000 without any.
    double rope_theta() const;

    // head_dim, or hidden_size / heads where it is derived; checks what attention needs of the three counts.
    int32_t head_dim(bool derived, int32_t hidden_size, int32_t n_heads, int32_t n_kv_heads) const;

    // MODEL_FORMAT: "<file>: <key> <problem>".
    [[noreturn]] void fail(const char * key, const std::string & problem) const;
    // MODEL_UNSUPPORTED: "<file>: <key> is <found>; only <supported> can be run".
    [[noreturn]] void unsupported(const char * key, const std::string & supported) const;

  private:
    std::string where(const char * key) const;

    json_value object_;
};

}  // namespace kstt
