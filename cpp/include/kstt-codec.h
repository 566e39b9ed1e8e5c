/* kstt-codec.h - the codec alone: streams of codes, and codes back to audio. Part of kstt.h, which includes it.
 *
 * Recipe (transformers' codec_model.decode()): kstt_decoding_create, _advance until finished, _audio, _free.
 * Recipe (a long recording piece by piece): kstt_codec_stream_create, then for each piece kstt_encoding_create_piece or
 * kstt_decoding_create with the stream. Pieces of any length give the same codes and samples as the whole, bit for bit.
 *
 * A checkpoint may hold the codec's encoder only; what needs the decoder then fails with MODEL_UNSUPPORTED. The
 * decoder's weights are loaded by the first call that needs them.
 */
#ifndef KSTT_CODEC_H
#define KSTT_CODEC_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kstt_codec_stream kstt_codec_stream;
typedef struct kstt_decoding     kstt_decoding;

enum { KSTT_CODEC_ENCODER = 0, KSTT_CODEC_DECODER = 1 };

/* The two caches of a stream. */
enum {
    KSTT_CODEC_ATTENTION    = 1, /* keys and values of the transformer */
    KSTT_CODEC_CONVOLUTIONS = 2  /* contexts of the convolutions */
};

/* The state of n_rows rows (1..4096) that go through one half of the codec together. Takes some 8 MB per row with the
 * published codec. */
KSTT_API kstt_status kstt_codec_stream_create(
    kstt_engine * engine, int32_t half, int32_t n_rows, kstt_codec_stream ** out, kstt_error * err);

/* Lets caches begin anew (a sum of KSTT_CODEC_ATTENTION and KSTT_CODEC_CONVOLUTIONS) while the others go on.
 * INVALID_STATE while a piece is unfinished. */
KSTT_API kstt_status kstt_codec_stream_restart(kstt_codec_stream * stream, int32_t caches, kstt_error * err);

/* Columns that the transformer has seen since it began: two per frame with the published codec. */
KSTT_API int64_t kstt_codec_stream_n_columns(const kstt_codec_stream * stream);
KSTT_API void    kstt_codec_stream_free(kstt_codec_stream * stream);

/* The next piece of a stream: input_values [n_rows][n_samples], n_rows the stream's, n_samples whole frames. One piece
 * at a time: INVALID_STATE while another is unfinished, and for good after one was freed unfinished. Go on as with any
 * kstt_encoding. */
KSTT_API kstt_status kstt_encoding_create_piece(kstt_codec_stream * stream,
                                                const float *       input_values,
                                                int32_t             n_rows,
                                                size_t              n_samples,
                                                kstt_encoding **    out,
                                                kstt_error *        err);

/* codes: [n_rows][n_codes][n_frames], each in 0..codebook_size-1, of the first n_codes (1..n_quantizers) codebooks;
 * copied. stream: NULL for a whole input, else one of the decoder with n_rows rows, under the rules of
 * kstt_encoding_create_piece. */
KSTT_API kstt_status kstt_decoding_create(kstt_engine *       engine,
                                          const int32_t *     codes,
                                          int32_t             n_rows,
                                          int32_t             n_codes,
                                          size_t              n_frames,
                                          kstt_codec_stream * stream,
                                          kstt_decoding **    out,
                                          kstt_error *        err);

/* Does at most about max_frames frames of work, a frame of each row counting one. [compute] */
KSTT_API kstt_status kstt_decoding_advance(kstt_decoding * decoding,
                                           int32_t         max_frames,
                                           kstt_progress * out,
                                           kstt_error *    err);

/* Samples per row: n_frames * frame_size. */
KSTT_API int64_t kstt_decoding_n_samples(const kstt_decoding * decoding);

/* audio: [n_rows][n_samples] at the model's rate, about -1 to 1. INVALID_STATE before the decoding is finished. */
KSTT_API kstt_status kstt_decoding_audio(const kstt_decoding * decoding,
                                         float *               audio,
                                         size_t                capacity,
                                         kstt_error *          err);
KSTT_API void        kstt_decoding_free(kstt_decoding * decoding);

#ifdef __cplusplus
}
#endif

#endif /* KSTT_CODEC_H */
