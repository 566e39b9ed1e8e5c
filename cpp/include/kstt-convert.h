/* kstt-convert.h - rewriting a checkpoint as one GGUF file, or as weights that transformers loads. Part of kstt.h,
 * which includes it.
 *
 * Recipe: kstt_conversion_create, _advance until finished, _finish, _free. Freeing an unfinished one leaves nothing
 * behind. Between two calls nothing runs; calls on one conversion must not overlap.
 */
#ifndef KSTT_CONVERT_H
#define KSTT_CONVERT_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kstt_conversion kstt_conversion;

enum {
    KSTT_FORMAT_GGUF        = 0, /* one file with everything a model needs; docs/gguf.md */
    KSTT_FORMAT_SAFETENSORS = 1  /* the weights of the transformers layout, in a folder; configuration and vocabulary
                                    are the caller's business */
};

typedef struct kstt_conversion_params {
    const char *         dtype; /* of the decoder's weights: "f32", "f16", "bf16", "q8_0", "q4_0" or "q4_k"; for
                                   safetensors one of the first three. NULL: q8_0; for safetensors as in the source,
                                   bf16 where that is quantized */
    const char * const * keep;  /* n_keep rules "GLOB" (stays in the type of the source) or "GLOB=DTYPE", matched
                                   against the tensor names of the transformers layout; the first that fits counts */
    size_t               n_keep;
    int32_t              n_threads;     /* 0: all processors; else 1..256 */
    int32_t              format;        /* KSTT_FORMAT_* */
    int32_t              small_file;    /* 1: the codec in f16, and embeddings in q4_k where dtype has 4 bits */
    int32_t              codec_decoder; /* 1: a GGUF gets the codec's decoder half too; MODEL_UNSUPPORTED where
                                           the source has none. Safetensors have it wherever the source does */
    int32_t              compat; /* KSTT_COMPAT_*: how the source is taken; a GGUF keeps its window and start token */
    int32_t              reserved[1];
    int64_t              max_shard_bytes; /* of one safetensors file; 0: all in one */
} kstt_conversion_params;

/* A GGUF in q8_0, no rules, all processors. */
KSTT_API kstt_conversion_params kstt_conversion_default_params(void);

/* Opens a checkpoint of any layout, checks that every tensor is there, and reserves the space.
 * GGUF: `target` is the file. The codec, norms and pause heads are stored as f32; embeddings and text head have 8 bits
 * at least; rows that are no whole blocks of the type fall back to q8_0 (q4_k) or to the type of the source.
 * Safetensors: `target` is a folder, made if need be, and not the source's. dtype counts for embeddings, products and
 * head; pause heads, for which transformers has no place, are left out.
 * FILE_ACCESS: `target` cannot be written; DISK_FULL: there is no space for it. */
KSTT_API kstt_status kstt_conversion_create(const char *                   source,
                                            const char *                   target,
                                            const kstt_conversion_params * params,
                                            kstt_conversion **             out,
                                            kstt_error *                   err);

/* Writes about max_bytes of the result, at least one piece of some megabytes. Counts bytes of the result. After an
 * error the conversion can only be freed. */
KSTT_API kstt_status kstt_conversion_advance(kstt_conversion * conversion,
                                             int64_t           max_bytes,
                                             kstt_progress *   out,
                                             kstt_error *      err);

/* Puts every file under its name, replacing what was there; other files of a folder stay. INVALID_STATE before
 * everything is written. */
KSTT_API kstt_status kstt_conversion_finish(kstt_conversion * conversion, kstt_error * err);

/* A JSON object: path, format ("gguf" or "safetensors"), bytes (of all files), dtype (asked for; in safetensors what
 * most of the decoder has), layout (of the source), files with path and bytes, codecDecoder (whether it was written),
 * leftOut (tensors of the source that the format has no place for), and tensors with name, stored (name in the file),
 * shape, from, to, bytes, and reason where the type is not the one asked for. *size: bytes without the NUL; text may be
 * NULL to ask for it. */
KSTT_API kstt_status kstt_conversion_report(
    const kstt_conversion * conversion, char * text, size_t capacity, size_t * size, kstt_error * err);
KSTT_API void kstt_conversion_free(kstt_conversion * conversion);

#ifdef __cplusplus
}
#endif

#endif
