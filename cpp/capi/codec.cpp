// The C ABI: encodings, decodings and codec streams.
#include "capi/offline-calls.h"
#include "include/kstt.h"

using namespace kstt;

namespace {

constexpr int32_t all_caches = KSTT_CODEC_ATTENTION | KSTT_CODEC_CONVOLUTIONS;

// Bounded so that no size computed from it can overflow: with 2^20 samples per frame, 2^52 samples.
code_batch copy_codes(const int32_t * codes, int32_t n_rows, int32_t n_codes, size_t n_frames) {
    require(codes != nullptr, "codes must not be NULL");
    require(n_rows >= 1 && n_rows <= 4096, "n_rows must be 1 to 4096");
    require(n_codes >= 1 && n_codes <= 4096, "n_codes must be 1 or more");
    const size_t n_lists = static_cast<size_t>(n_rows) * static_cast<size_t>(n_codes);
    require(n_frames >= 1 && n_frames <= (uint64_t{ 1 } << 32U) / n_lists,
            "n_frames must be at least 1, and n_rows * n_codes * n_frames at most 2^32");
    code_batch batch;
    batch.codes.assign(codes, codes + n_lists * n_frames);
    batch.n_rows   = n_rows;
    batch.n_codes  = n_codes;
    batch.n_frames = static_cast<int64_t>(n_frames);
    return batch;
}

// The stream's object, which must belong to that engine.
std::shared_ptr<codec_stream> stream_of(const kstt_codec_stream * stream, const std::shared_ptr<engine> & owner) {
    if (stream == nullptr) {
        return nullptr;
    }
    require(stream->engine.lock() == owner, "the stream belongs to another engine");
    return stream->object;
}

}  // namespace

kstt_status kstt_codec_stream_create(
    kstt_engine * handle, int32_t half, int32_t n_rows, kstt_codec_stream ** out, kstt_error * err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require(half == KSTT_CODEC_ENCODER || half == KSTT_CODEC_DECODER,
                "half must be KSTT_CODEC_ENCODER or KSTT_CODEC_DECODER");
        require(n_rows >= 1 && n_rows <= 4096, "n_rows must be 1 to 4096");
        return make_child<kstt_codec_stream>(owner, owner->create_codec_stream(half == KSTT_CODEC_DECODER, n_rows));
    });
}

kstt_status kstt_codec_stream_restart(kstt_codec_stream * stream, int32_t caches, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(stream);
        require((caches & ~all_caches) == 0,
                "caches must be a sum of KSTT_CODEC_ATTENTION and KSTT_CODEC_CONVOLUTIONS");
        if ((caches & KSTT_CODEC_ATTENTION) != 0) {
            stream->object->restart_attention();
        }
        if ((caches & KSTT_CODEC_CONVOLUTIONS) != 0) {
            stream->object->restart_convolutions();
        }
    });
}

int64_t kstt_codec_stream_n_columns(const kstt_codec_stream * stream) {
    return stream != nullptr ? stream->object->n_columns() : 0;
}

void kstt_codec_stream_free(kstt_codec_stream * stream) {
    delete stream;
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

kstt_status kstt_encoding_create_piece(kstt_codec_stream * stream,
                                       const float *       input_values,
                                       int32_t             n_rows,
                                       size_t              n_samples,
                                       kstt_encoding **    out,
                                       kstt_error *        err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(stream);
        return make_child<kstt_encoding>(
            owner, owner->create_encoding(copy_batch(input_values, n_rows, n_samples), stream->object));
    });
}

kstt_status kstt_decoding_create(kstt_engine *       handle,
                                 const int32_t *     codes,
                                 int32_t             n_rows,
                                 int32_t             n_codes,
                                 size_t              n_frames,
                                 kstt_codec_stream * stream,
                                 kstt_decoding **    out,
                                 kstt_error *        err) {
    return guarded_create(out, err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        return make_child<kstt_decoding>(
            owner, owner->create_decoding(copy_codes(codes, n_rows, n_codes, n_frames), stream_of(stream, owner)));
    });
}

kstt_status kstt_decoding_advance(kstt_decoding * handle, int32_t max_frames, kstt_progress * out, kstt_error * err) {
    return advance_work(handle, max_frames, "max_frames", out, err);
}

int64_t kstt_decoding_n_samples(const kstt_decoding * handle) {
    return handle != nullptr ? handle->object->n_samples() : 0;
}

kstt_status kstt_decoding_audio(const kstt_decoding * handle, float * audio, size_t capacity, kstt_error * err) {
    return guarded(err, [&] {
        const std::shared_ptr<engine> owner = engine_of(handle);
        require_finished(*handle->object, "decoding");
        copy_out(handle->object->audio(), audio, capacity);
    });
}

void kstt_decoding_free(kstt_decoding * handle) {
    delete handle;
}
