/* kstt-convert.h - rewriting a checkpoint as one GGUF file. Part of kstt.h, which includes it.
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

typedef struct kstt_conversion_params {
    const char *         dtype; /* of the decoder's weights: "f32", "f16", "bf16", "q8_0", "q4_0" or "q4_k" */
    const char * const * keep;  /* n_keep rules "GLOB" (stays in the type of the source) or "GLOB=DTYPE", matched
                                   against the tensor names of the transformers layout; the first that fits counts */
    size_t               n_keep;
    int32_t              n_threads; /* 0: all processors; else 1..256 */
    int32_t              reserved[5];
} kstt_conversion_params;

/* q8_0, no rules, all processors. */
KSTT_API kstt_conversion_params kstt_conversion_default_params(void);

/* Opens a checkpoint of any layout, checks that every tensor is there, and reserves the space. The codec, norms and
 * pause heads are stored as f32; embeddings and text head have 8 bits at least; rows that are no whole blocks of the
 * type fall back to q8_0 (q4_k) or to the type of the source. FILE_ACCESS: `target` cannot be written; DISK_FULL:
 * there is no space for it. */
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

/* Puts the whole file under its name, replacing what was there. INVALID_STATE before everything is written. */
KSTT_API kstt_status kstt_conversion_finish(kstt_conversion * conversion, kstt_error * err);

/* A JSON object: path, bytes, dtype, layout (of the source), and tensors with name, stored (name in the file), shape,
 * from, to, bytes, and reason where the type is not the one asked for. *size: bytes without the NUL; text may be NULL
 * to ask for it. */
KSTT_API kstt_status kstt_conversion_report(
    const kstt_conversion * conversion, char * text, size_t capacity, size_t * size, kstt_error * err);
KSTT_API void kstt_conversion_free(kstt_conversion * conversion);

#ifdef __cplusplus
}
#endif

#endif
