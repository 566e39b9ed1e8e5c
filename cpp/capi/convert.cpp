// The C ABI: conversions.
#include "capi/guard.h"
#include "capi/handles.h"
#include "convert/conversion.h"
#include "include/kstt.h"

#include <cstring>
#include <memory>

using namespace kstt;

struct kstt_conversion {
    std::unique_ptr<conversion> object;
    bool                        failed = false;  // in the middle of a piece
};

namespace {

conversion_options to_options(const kstt_conversion_params & params) {
    require(params.n_threads >= 0 && params.n_threads <= 256, "n_threads must be 0 (all processors) or 1 to 256");
    require(params.format == KSTT_FORMAT_GGUF || params.format == KSTT_FORMAT_SAFETENSORS,
            "format must be one of KSTT_FORMAT_*");
    require(params.max_shard_bytes >= 0, "max_shard_bytes must not be negative");
    require(params.keep != nullptr || params.n_keep == 0, "keep must not be NULL");
    conversion_options options;
    options.format = params.format == KSTT_FORMAT_GGUF ? target_format::gguf : target_format::safetensors;
    if (params.dtype != nullptr) {
        options.type = parse_weight_type(params.dtype);
    }
    options.small           = params.small_file != 0;
    options.codec_decoder   = params.codec_decoder != 0;
    options.compat          = compat_of(params.compat);
    options.max_shard_bytes = static_cast<uint64_t>(params.max_shard_bytes);
    options.n_threads       = params.n_threads;
    for (size_t i = 0; i < params.n_keep; i++) {
        require(params.keep[i] != nullptr, "a keep rule must not be NULL");
        options.keep.emplace_back(params.keep[i]);
    }
    return options;
}

}  // namespace

kstt_conversion_params kstt_conversion_default_params(void) {
    kstt_conversion_params params = {};
    params.format                 = KSTT_FORMAT_GGUF;
    return params;
}

kstt_status kstt_conversion_create(const char *                   source,
                                   const char *                   target,
                                   const kstt_conversion_params * params,
                                   kstt_conversion **             out,
                                   kstt_error *                   err) {
    if (out != nullptr) {
        *out = nullptr;
    }
    return guarded(err, [&] {
        require(source != nullptr && target != nullptr && out != nullptr, "source, target and out must not be NULL");
        const conversion_options options = to_options(params != nullptr ? *params : kstt_conversion_default_params());
        auto                     handle  = std::make_unique<kstt_conversion>();
        handle->object                   = std::make_unique<conversion>(source, target, options);
        *out                             = handle.release();
    });
}

kstt_status kstt_conversion_advance(kstt_conversion * handle,
                                    int64_t           max_bytes,
                                    kstt_progress *   out,
                                    kstt_error *      err) {
    return guarded(err, [&] {
        require(handle != nullptr && out != nullptr, "conversion and out must not be NULL");
        require(max_bytes > 0, "max_bytes must be positive");
        if (handle->failed) {
            throw error(KSTT_STATUS_INVALID_STATE, "the conversion failed before; start a new one");
        }
        handle->failed = true;
        handle->object->advance(max_bytes);
        handle->failed      = false;
        const int64_t total = handle->object->total();
        const int64_t done  = handle->object->done();
        *out                = { done, total, done == total ? 1 : 0, 0 };
    });
}

kstt_status kstt_conversion_finish(kstt_conversion * handle, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr, "conversion must not be NULL");
        handle->object->finish();
    });
}

kstt_status kstt_conversion_report(
    const kstt_conversion * handle, char * text, size_t capacity, size_t * size, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && size != nullptr, "conversion and size must not be NULL");
        const std::string report = handle->object->report();
        *size                    = report.size();
        if (text != nullptr) {
            require(capacity > report.size(), "the buffer is too small");
            std::memcpy(text, report.c_str(), report.size() + 1);
        }
    });
}

void kstt_conversion_free(kstt_conversion * handle) {
    delete handle;
}
