// The C ABI: resamplers.
#include "audio/resampler.h"
#include "capi/guard.h"
#include "include/kstt.h"

#include <cmath>
#include <memory>
#include <vector>

using namespace kstt;

struct kstt_resampler {
    kstt::resampler    object;
    std::vector<float> out;
};

kstt_status kstt_resampler_create(int32_t rate_in, int32_t rate_out, kstt_resampler ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        return std::unique_ptr<kstt_resampler>(new kstt_resampler{ resampler(rate_in, rate_out), {} });
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
