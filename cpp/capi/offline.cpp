// The C ABI: generations and encodings.
#include "capi/offline-calls.h"
#include "include/kstt.h"

using namespace kstt;

kstt_generation_params kstt_generation_default_params(void) {
    kstt_generation_params params = {};
    params.max_new_tokens         = -1;
    return params;
}

kstt_status kstt_generation_create(kstt_engine *                  handle,
                                   const float *                  input_values,
                                   int32_t                        n_rows,
                                   size_t                         n_samples,
                                   const kstt_generation_params * params,
                                   kstt_generation **             out,
                                   kstt_error *                   err) {
    return kstt_generation_create_with_rules(handle, input_values, n_rows, n_samples, params, nullptr, out, err);
}

kstt_status kstt_generation_advance(kstt_generation * handle,
                                    int32_t           max_frames,
                                    kstt_progress *   out,
                                    kstt_error *      err) {
    return advance_work(handle, max_frames, "max_frames", out, err);
}

int32_t kstt_generation_n_tokens(const kstt_generation * handle) {
    return handle != nullptr ? handle->object->n_tokens() : 0;
}

kstt_status kstt_generation_tokens(const kstt_generation * handle,
                                   int32_t *               tokens,
                                   size_t                  capacity,
                                   kstt_error *            err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        copy_out(handle->object->tokens(), tokens, capacity);
    });
}

void kstt_generation_free(kstt_generation * handle) {
    delete handle;
}

kstt_status kstt_encoding_create(kstt_engine *    handle,
                                 const float *    input_values,
                                 int32_t          n_rows,
                                 size_t           n_samples,
                                 kstt_encoding ** out,
                                 kstt_error *     err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        return make_child<kstt_encoding>(owner,
                                         owner->create_encoding(copy_batch(input_values, n_rows, n_samples), nullptr));
    });
}

kstt_status kstt_encoding_advance(kstt_encoding * handle, int32_t max_frames, kstt_progress * out, kstt_error * err) {
    return advance_work(handle, max_frames, "max_frames", out, err);
}

int32_t kstt_encoding_n_frames(const kstt_encoding * handle) {
    return handle != nullptr ? handle->object->n_frames() : 0;
}

kstt_status kstt_encoding_codes(const kstt_encoding * handle, int32_t * codes, size_t capacity, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require_finished(*handle->object, "encoding");
        copy_out(handle->object->codes(), codes, capacity);
    });
}

void kstt_encoding_free(kstt_encoding * handle) {
    delete handle;
}
