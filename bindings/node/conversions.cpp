#include "conversions.h"

#include "error-object.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace kstt_node {

namespace {

[[noreturn]] void refuse(const Napi::Value & value, const char * name, const char * expected) {
    throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be " + expected);
}

double to_integer(const Napi::Value & value, const char * name, double min, double max) {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
    if (!(number >= min && number <= max) || number != std::floor(number)) {
        refuse(value, name, "a whole number in range");
    }
    return number;
}

// Numbers beyond 2^53 lose digits here; bytes and nanoseconds do not get there.
Napi::Number from_int64(Napi::Env env, int64_t value) {
    return Napi::Number::New(env, static_cast<double>(value));
}

}  // namespace

std::string to_text(const Napi::Value & value, const char * name) {
    if (!value.IsString()) {
        refuse(value, name, "a string");
    }
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') != std::string::npos) {
        refuse(value, name, "a string without NUL");
    }
    return text;
}

int32_t to_int32(const Napi::Value & value, const char * name) {
    using limits = std::numeric_limits<int32_t>;
    return static_cast<int32_t>(to_integer(value, name, limits::min(), limits::max()));
}

int64_t to_int64(const Napi::Value & value, const char * name) {
    constexpr double max_safe_integer = 9007199254740991.0;  // Number.MAX_SAFE_INTEGER
    return static_cast<int64_t>(to_integer(value, name, -max_safe_integer, max_safe_integer));
}

double to_finite(const Napi::Value & value, const char * name) {
    if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) {
        refuse(value, name, "a finite number");
    }
    return value.As<Napi::Number>().DoubleValue();
}

bool to_bool(const Napi::Value & value, const char * name) {
    if (!value.IsBoolean()) {
        refuse(value, name, "a boolean");
    }
    return value.As<Napi::Boolean>().Value();
}

int32_t to_flag(const Napi::Object & object, const char * name) {
    return to_bool(object.Get(name), name) ? 1 : 0;
}

Napi::Object to_object(const Napi::Value & value, const char * name) {
    if (!value.IsObject()) {
        refuse(value, name, "an object");
    }
    return value.As<Napi::Object>();
}

std::vector<std::string> to_texts(const Napi::Value & value, const char * name) {
    if (!value.IsArray()) {
        refuse(value, name, "an array of strings");
    }
    const auto               array = value.As<Napi::Array>();
    std::vector<std::string> texts;
    texts.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) {
        texts.push_back(to_text(array.Get(i), name));
    }
    return texts;
}

sample_view to_samples(const Napi::Value & value, const char * name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
        refuse(value, name, "a Float32Array");
    }
    const auto array = value.As<Napi::Float32Array>();
    return { array.Data(), array.ElementLength() };
}

std::vector<float> copy_samples(Napi::Env env, const sample_view & samples) {
    try {
        return { samples.data, samples.data + samples.size };
    } catch (const std::bad_alloc &) {
        throw_error(
            env, KSTT_STATUS_OUT_OF_MEMORY, "no memory for a copy of " + std::to_string(samples.size) + " samples");
    }
}

std::vector<uint8_t> copy_bytes(const Napi::Value & value, const char * name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        refuse(value, name, "a Uint8Array");
    }
    const auto array = value.As<Napi::Uint8Array>();
    return { array.Data(), array.Data() + array.ElementLength() };
}

sample_rows to_rows(const Napi::Value & values, const Napi::Value & n_rows, const Napi::Value & n_samples) {
    const sample_view view     = to_samples(values, "inputValues");
    const int32_t     rows     = to_int32(n_rows, "rows");
    const int64_t     samples  = to_int64(n_samples, "samples");
    // Divided instead of multiplied, so that nothing overflows.
    const auto        n_values = static_cast<int64_t>(view.size);
    const bool        fits     = rows > 0 && samples >= 0 && n_values % rows == 0 && n_values / rows == samples;
    if (!fits) {
        throw_error(values.Env(),
                    KSTT_STATUS_INVALID_ARGUMENT,
                    "inputValues has " + std::to_string(n_values) + " elements, which are not " + std::to_string(rows) +
                        " rows of " + std::to_string(samples) + " samples");
    }
    return { copy_samples(values.Env(), view), rows, static_cast<size_t>(samples) };
}

code_rows to_codes(const Napi::Value & values,
                   const Napi::Value & n_rows,
                   const Napi::Value & n_quantizers,
                   const Napi::Value & n_frames) {
    if (!values.IsTypedArray() || values.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
        throw_error(values.Env(), KSTT_STATUS_INVALID_ARGUMENT, "codes is not an Int32Array");
    }
    const auto    codes      = values.As<Napi::Int32Array>();
    const int32_t rows       = to_int32(n_rows, "rows");
    const int32_t quantizers = to_int32(n_quantizers, "quantizers");
    const int64_t frames     = to_int64(n_frames, "frames");
    const auto    n_values   = static_cast<int64_t>(codes.ElementLength());
    const int64_t lists      = int64_t{ rows } * quantizers;
    const bool fits = rows > 0 && quantizers > 0 && frames >= 0 && n_values % lists == 0 && n_values / lists == frames;
    if (!fits) {
        throw_error(values.Env(),
                    KSTT_STATUS_INVALID_ARGUMENT,
                    "codes has " + std::to_string(n_values) + " elements, which are not " + std::to_string(rows) +
                        " rows of " + std::to_string(quantizers) + " codebooks and " + std::to_string(frames) +
                        " frames");
    }
    return { { codes.Data(), codes.Data() + n_values }, rows, quantizers, static_cast<size_t>(frames) };
}

int32_t to_compat(const Napi::Value & value) {
    if (value.IsUndefined()) {
        return KSTT_COMPAT_FILES;
    }
    return to_bool(value, "transformersCompat") ? KSTT_COMPAT_TRANSFORMERS : KSTT_COMPAT_TRAINED;
}

void read_source_options(const Napi::Object & options, kstt_engine_params & params) {
    const Napi::Value codebooks = options.Get("codebooks");
    if (!codebooks.IsUndefined()) {
        params.n_codebooks = to_int32(codebooks, "codebooks");
    }
    params.compat = to_compat(options.Get("transformersCompat"));
}

Napi::Object from_info(Napi::Env env, const kstt_engine_info & info) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("sampleRate", info.sample_rate);
    object.Set("frameSize", info.frame_size);
    object.Set("frameRate", info.frame_rate);
    object.Set("numCodebooks", info.n_codebooks);
    object.Set("numQuantizers", info.n_quantizers);
    object.Set("codebookSize", info.codebook_size);
    object.Set("vocabSize", info.vocab_size);
    object.Set("bosTokenId", info.bos_token_id);
    object.Set("padTokenId", info.pad_token_id);
    object.Set("hiddenSize", info.hidden_size);
    object.Set("numLayers", info.n_layers);
    object.Set("window", info.window);
    object.Set("codecWindow", info.codec_window);
    object.Set("delaySeconds", info.delay_seconds);
    object.Set("prefixSeconds", info.prefix_seconds);
    object.Set("slots", info.n_slots);
    object.Set("threads", info.n_threads);
    object.Set("weightBytes", from_int64(env, info.weight_bytes));
    object.Set("copiedBytes", from_int64(env, info.copied_bytes));
    object.Set("stateBytes", from_int64(env, info.state_bytes));
    object.Set("weightType", info.weight_type);
    object.Set("device", info.device);
    object.Set("kernels", info.kernels);
    object.Set("unusedSettings", info.unused_settings);
    object.Freeze();
    return object;
}

Napi::Object from_stats(Napi::Env env, const kstt_engine_stats & stats) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("codecNs", from_int64(env, stats.codec_ns));
    object.Set("codecFrames", from_int64(env, stats.codec_frames));
    object.Set("decoderNs", from_int64(env, stats.decoder_ns));
    object.Set("decoderFrames", from_int64(env, stats.decoder_frames));
    object.Set("decoderSteps", from_int64(env, stats.decoder_steps));
    object.Set("resampleNs", from_int64(env, stats.resample_ns));
    object.Set("stepNs", from_int64(env, stats.step_ns));
    object.Set("maxStepNs", from_int64(env, stats.max_step_ns));
    object.Set("steps", from_int64(env, stats.steps));
    object.Set("replayFrames", from_int64(env, stats.replay_frames));
    return object;
}

Napi::Object from_progress(Napi::Env env, const kstt_progress & progress) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("done", from_int64(env, progress.done));
    object.Set("total", from_int64(env, progress.total));
    object.Set("finished", progress.finished != 0);
    return object;
}

Napi::Value from_int32s(Napi::Env env, const int32_t * values, size_t n) {
    Napi::Int32Array array = Napi::Int32Array::New(env, n);
    if (n > 0) {
        std::memcpy(array.Data(), values, n * sizeof(int32_t));
    }
    return array;
}

Napi::Value from_bytes(Napi::Env env, const std::vector<uint8_t> & values) {
    Napi::Uint8Array array = Napi::Uint8Array::New(env, values.size());
    if (!values.empty()) {
        std::memcpy(array.Data(), values.data(), values.size());
    }
    return array;
}

Napi::Value from_floats(Napi::Env env, const std::vector<float> & values) {
    Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
    if (!values.empty()) {
        std::memcpy(array.Data(), values.data(), values.size() * sizeof(float));
    }
    return array;
}

}  // namespace kstt_node
