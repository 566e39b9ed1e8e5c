// The C ABI: process and engine. Checks arguments, converts, no logic.
#include "include/kstt.h"

#include "capi/build-device.h"
#include "capi/handles.h"
#include "runtime/device.h"

#include <cstdio>

using namespace kstt;

namespace {

const char * weight_type_name(ggml_type type) {
    return type == GGML_TYPE_F32    ? "f32"
           : type == GGML_TYPE_BF16 ? "bf16"
           : type == GGML_TYPE_F16  ? "f16"
           : type == GGML_TYPE_Q4_K ? "q4_k"
                                    : ggml_type_name(type);
}

void fill_info(const engine & e, kstt_engine_info & out) {
    const model_config & config = e.model().config;
    out                         = {};
    out.sample_rate             = config.codec.sampling_rate;
    out.frame_size              = config.codec.frame_size();
    out.frame_rate              = static_cast<double>(config.codec.sampling_rate) / config.codec.frame_size();
    out.n_codebooks             = config.decoder.num_codebooks;
    out.n_quantizers            = config.codec.num_quantizers;
    out.codebook_size           = config.codec.codebook_size;
    out.vocab_size              = config.decoder.vocab_size;
    out.bos_token_id            = config.decoder.bos_token_id;
    out.pad_token_id            = config.decoder.pad_token_id;
    out.hidden_size             = config.decoder.hidden_size;
    out.n_layers                = config.decoder.num_hidden_layers;
    out.window                  = config.decoder.sliding_window;
    out.codec_window            = config.codec.sliding_window;
    out.delay_seconds           = config.audio_delay_seconds;
    out.prefix_seconds          = config.audio_silence_prefix_seconds;
    out.n_slots                 = e.n_slots();
    out.n_threads               = e.n_threads();
    out.copied_bytes            = e.model().store->owned_bytes();
    out.weight_bytes            = e.model().store->mapped_bytes() + out.copied_bytes;
    out.state_bytes             = e.state_bytes();
    std::snprintf(out.weight_type, sizeof(out.weight_type), "%s", weight_type_name(e.model().decoder.weight_type));
    std::snprintf(out.device, sizeof(out.device), "%s", e.device().c_str());
    std::snprintf(out.kernels, sizeof(out.kernels), "%s", describe_kernels().c_str());
    std::string names;
    for (const std::string & name : config.generation.steering) {
        names += (names.empty() ? "" : ",") + name;
    }
    std::snprintf(out.unused_settings, sizeof(out.unused_settings), "%s", names.c_str());
}

}  // namespace

int32_t kstt_abi_version(void) {
    return KSTT_ABI_VERSION;
}

kstt_status kstt_init(const char * kernel_dir, kstt_error * err) {
    return guarded(err, [&] {
        load_cpu_device(kernel_dir);
        check_build_device();
    });
}

const char * kstt_status_name(kstt_status status) {
    static const char * const names[] = { "ok",
                                          "invalid argument",
                                          "invalid state",
                                          "busy",
                                          "file not found",
                                          "file access",
                                          "model format",
                                          "model unsupported",
                                          "invalid audio",
                                          "out of memory",
                                          "device unavailable",
                                          "no free slot",
                                          "internal error",
                                          "invalid snapshot",
                                          "disk full" };
    const auto                n       = static_cast<kstt_status>(sizeof(names) / sizeof(names[0]));
    return status >= 0 && status < n ? names[status] : "unknown status";
}

kstt_engine_params kstt_engine_default_params(void) {
    kstt_engine_params params = {};
    params.n_slots            = 1;
    return params;
}

kstt_status kstt_engine_create(const char *               path,
                               const kstt_engine_params * params,
                               kstt_engine **             out,
                               kstt_error *               err) {
    return guarded_create(out, err, [&] {
        require(path != nullptr, "path must not be NULL");
        const kstt_engine_params used = params != nullptr ? *params : kstt_engine_default_params();
        require(used.n_threads >= 0 && used.n_threads <= 256, "n_threads must be 0 (chosen) or 1 to 256");
        require(used.n_slots >= 1 && used.n_slots <= 4096, "n_slots must be 1 to 4096");
        engine_options options;
        options.n_threads = used.n_threads;
        options.n_slots   = used.n_slots;
        options.source    = source_options_of(used);
        options.device    = build_device();
        auto handle       = std::make_unique<kstt_engine>();
        handle->object    = std::make_shared<engine>(path, options);
        return handle;
    });
}

void kstt_engine_free(kstt_engine * handle) {
    delete handle;
}

kstt_status kstt_engine_get_info(const kstt_engine * handle, kstt_engine_info * out, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && out != nullptr, "engine and out must not be NULL");
        fill_info(*handle->object, *out);
    });
}

kstt_status kstt_engine_prefault(kstt_engine * handle, int64_t max_bytes, kstt_progress * out, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && out != nullptr, "engine and out must not be NULL");
        require(max_bytes > 0, "max_bytes must be positive");
        const work_progress progress = handle->object->prefault(max_bytes);
        *out                         = { progress.done, progress.total, progress.finished() ? 1 : 0, 0 };
    });
}

kstt_status kstt_engine_get_stats(const kstt_engine * handle, kstt_engine_stats * out, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && out != nullptr, "engine and out must not be NULL");
        const work_stats stats = handle->object->stats();
        *out = { stats.codec_ns,    stats.codec_frames, stats.decoder_ns,  stats.decoder_frames, stats.decoder_steps,
                 stats.resample_ns, stats.step_ns,      stats.max_step_ns, stats.steps,          stats.replay_frames };
    });
}

kstt_status kstt_engine_reset_stats(kstt_engine * handle, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr, "engine must not be NULL");
        handle->object->reset_stats();
    });
}

kstt_status kstt_engine_step(kstt_engine * handle, int32_t max_steps, int64_t * n_stepped, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && n_stepped != nullptr, "engine and n_stepped must not be NULL");
        require(max_steps > 0, "max_steps must be positive");
        *n_stepped                         = 0;
        const std::shared_ptr<engine> held = handle->object;
        *n_stepped                         = held->step(max_steps);
    });
}
