// The C ABI: sessions and resamplers.
#include "audio/resampler.h"
#include "capi/handles.h"
#include "include/kstt.h"

#include <cmath>

using namespace kstt;

struct kstt_resampler {
    kstt::resampler    object;
    std::vector<float> out;
};

kstt_session_params kstt_session_default_params(void) {
    kstt_session_params params = {};
    params.prefix_seconds      = -1.0;
    params.tail_seconds        = -1.0;
    return params;
}

kstt_status kstt_session_create(kstt_engine *               handle,
                                const kstt_session_params * params,
                                kstt_session **             out,
                                kstt_error *                err) {
    if (out != nullptr) {
        *out = nullptr;
    }
    return guarded(err, [&] {
        require(handle != nullptr && out != nullptr, "engine and out must not be NULL");
        const kstt_session_params used = params != nullptr ? *params : kstt_session_default_params();
        require(used.prefix_seconds <= 60.0 && used.tail_seconds <= 60.0,
                "prefix_seconds and tail_seconds must be at most 60");
        session_options options;
        options.prefix_seconds = used.prefix_seconds;
        options.tail_seconds   = used.tail_seconds;
        options.emit_tokens    = used.emit_tokens != 0;
        auto result            = std::make_unique<kstt_session>();
        result->engine         = handle->object;
        result->object         = handle->object->create_session(options);
        *out                   = result.release();
    });
}

kstt_status kstt_session_push_pcm(
    kstt_session * handle, const float * pcm, size_t n, int32_t sample_rate, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(pcm != nullptr || n == 0, "pcm must not be NULL");
        owner->push_pcm(*handle->object, pcm, n, sample_rate);
    });
}

kstt_status kstt_session_end(kstt_session * handle, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        handle->object->end();
    });
}

kstt_status kstt_session_reset(kstt_session * handle, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        owner->reset_session(handle->object);
    });
}

int64_t kstt_session_n_ready(const kstt_session * handle) {
    return handle != nullptr && !handle->engine.expired() ? handle->object->n_ready() : 0;
}

int32_t kstt_session_poll(kstt_session * handle, kstt_event * out) {
    if (handle == nullptr || out == nullptr || handle->engine.expired() || !handle->object->poll(handle->event)) {
        return 0;
    }
    const session_event & event = handle->event;
    *out                        = { event.type,
                                    event.token,
                                    event.step,
                                    event.start,
                                    event.end,
                                    event.confidence,
                                    static_cast<uint32_t>(event.text.size()),
                                    event.text.c_str() };
    return 1;
}

void kstt_session_free(kstt_session * handle) {
    if (handle == nullptr) {
        return;
    }
    if (const std::shared_ptr<engine> owner = handle->engine.lock()) {
        owner->remove_session(handle->object);
    }
    delete handle;
}

kstt_status kstt_resampler_create(int32_t rate_in, int32_t rate_out, kstt_resampler ** out, kstt_error * err) {
    if (out != nullptr) {
        *out = nullptr;
    }
    return guarded(err, [&] {
        require(out != nullptr, "out must not be NULL");
        *out = new kstt_resampler{ resampler(rate_in, rate_out), {} };
    });
}

kstt_status kstt_resampler_push(
    kstt_resampler * handle, const float * pcm, size_t n, const float ** pcm_out, size_t * n_out, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && pcm_out != nullptr && n_out != nullptr && (pcm != nullptr || n == 0),
                "resampler, pcm, pcm_out and n_out must not be NULL");
        for (size_t i = 0; i < n; i++) {
            if (!std::isfinite(pcm[i])) {
                throw error(KSTT_STATUS_INVALID_AUDIO, format("sample %zu of the chunk is not a finite number", i));
            }
        }
        handle->out.clear();
        handle->object.push(pcm, n, handle->out);
        *pcm_out = handle->out.data();
        *n_out   = handle->out.size();
    });
}

kstt_status kstt_resampler_flush(kstt_resampler * handle, const float ** pcm_out, size_t * n_out, kstt_error * err) {
    return guarded(err, [&] {
        require(handle != nullptr && pcm_out != nullptr && n_out != nullptr,
                "resampler, pcm_out and n_out must not be NULL");
        handle->out.clear();
        handle->object.flush(handle->out);
        *pcm_out = handle->out.data();
        *n_out   = handle->out.size();
    });
}

void kstt_resampler_free(kstt_resampler * handle) {
    delete handle;
}
