#include "io/config-reader.h"

#include "runtime/error.h"

namespace kstt {

int32_t config_reader::integer(const char * key, int32_t fallback, int32_t min, int32_t max) const {
    if (contains(key)) {
        return static_cast<int32_t>(object_.at(key).integer(min, max));
    }
    // A default can clash with keys that are there.
    if (fallback < min || fallback > max) {
        fail(key, format("must be an integer from %d to %d, but is absent and its default is %d", min, max, fallback));
    }
    return fallback;
}

int32_t config_reader::dimension(const char * key, int32_t fallback) const {
    return integer(key, fallback, 1, max_dimension);
}

std::vector<int32_t> config_reader::dimensions(const char * key, const std::vector<int32_t> & fallback) const {
    if (is_null(key)) {
        return fallback;
    }
    const json_value values = object_.at(key);
    values.expect_array();
    std::vector<int32_t> numbers;
    numbers.reserve(values.raw().size());
    for (size_t i = 0; i < values.raw().size(); ++i) {
        numbers.push_back(static_cast<int32_t>(values.at(i).integer(1, max_dimension)));
    }
    return numbers.empty() ? fallback : numbers;
}

bool config_reader::boolean(const char * key, bool fallback) const {
    return contains(key) ? object_.at(key).boolean() : fallback;
}

std::string config_reader::string(const char * key, const std::string & fallback) const {
    return contains(key) ? object_.at(key).string() : fallback;
}

double config_reader::number(const char * key, double fallback) const {
    return is_null(key) ? fallback : object_.at(key).number();
}

double config_reader::number(const char * key, double fallback, double min, double max) const {
    const double value = contains(key) ? object_.at(key).number() : fallback;
    if (!(value >= min && value <= max)) {
        fail(key, format("must be a number from %g to %g, but is %g", min, max, value));
    }
    return value;
}

float config_reader::epsilon(const char * key, float fallback) const {
    return static_cast<float>(number(key, static_cast<double>(fallback), 0.0, 1.0));
}

double config_reader::rope_theta() const {
    // Precedence of RotaryEmbeddingConfigMixin.convert_rope_params_to_dict. Empty objects count as absent.
    const auto         is_set     = [&](const char * key) { return !is_null(key) && !object_.at(key).raw().empty(); };
    const char * const source     = is_set("rope_scaling") ? "rope_scaling" : "rope_parameters";
    const bool         has_object = is_set(source);
    if (has_object) {
        const json_value    value = object_.at(source);
        const config_reader parameters(value);
        const char * const  type_key = parameters.contains("rope_type") ? "rope_type" : "type";
        if (parameters.string(type_key, "default") != "default") {
            parameters.unsupported(type_key, "\"default\"");
        }
        if (parameters.contains("rope_theta")) {
            return parameters.number("rope_theta", 0.0, 1e-6, 1e12);
        }
    }
    // The mixin's default_theta, not the 100000 of older versions and of the published checkpoints.
    return number("rope_theta", 10000.0, 1e-6, 1e12);
}

int32_t config_reader::head_dim(bool derived, int32_t hidden_size, int32_t n_heads, int32_t n_kv_heads) const {
    if (hidden_size % n_heads != 0) {
        fail("num_attention_heads", format("must divide hidden_size, %d, but is %d", hidden_size, n_heads));
    }
    if (n_heads % n_kv_heads != 0) {
        fail("num_key_value_heads", format("must divide num_attention_heads, %d, but is %d", n_heads, n_kv_heads));
    }
    const int32_t size = derived ? hidden_size / n_heads : dimension("head_dim", 0);
    if (size % 2 != 0) {
        fail("head_dim", format("must be even for rotary embeddings, but is %d", size));
    }
    if (static_cast<int64_t>(size) * n_heads > max_dimension) {
        fail("head_dim",
             format("times num_attention_heads must not exceed %d, but is %lld",
                    max_dimension,
                    static_cast<long long>(size) * n_heads));
    }
    return size;
}

std::string config_reader::where(const char * key) const {
    // An absent key is named as well: its default can be what does not fit.
    return contains(key) ? object_.at(key).where() : object_.where() + (object_.is_root() ? ": " : ".") + key;
}

void config_reader::fail(const char * key, const std::string & problem) const {
    throw error(KSTT_STATUS_MODEL_FORMAT, where(key) + " " + problem);
}

void config_reader::unsupported(const char * key, const std::string & supported) const {
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                where(key) + " is " + (contains(key) ? object_.at(key).describe() : "absent") + "; only " + supported +
                    " can be run");
}

}  // namespace kstt
