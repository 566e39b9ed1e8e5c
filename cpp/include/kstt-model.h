/*
 * kstt-model.h - what a checkpoint is, without loading it. Part of kstt.h, which includes it.
 */
#ifndef KSTT_MODEL_H
#define KSTT_MODEL_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Describes the checkpoint at `path` (a folder, or a file of weights) as kstt_engine_create with the same params would
 * see it; params may be NULL. Reads headers and small files only, and checks them as kstt_engine_create does.
 *
 * One JSON object (UTF-8, NUL-terminated) is written to `buffer`:
 *   layout              "transformers", "original", "candle", "mlx", "gguf" or "moshi.cpp"
 *   files               paths read, weights first
 *   config, generation_config, preprocessor_config
 *                       what transformers' files of these names would say
 *   tokenizer           { kind: "tokenizer_json" or "sentencepiece", file }
 *   n_codebooks         audio streams the decoder reads
 *   output_vocab_size   tokens that can come out; one below config.vocab_size where the head has no start token
 *   extra_heads         { count, classes }: pause predictions
 *   parameters, bytes   of all canonical tensors the engine uses
 *   decoder, codec      { parameters, bytes, dtypes: { "bf16": { tensors, parameters, bytes }, ... } }
 *
 * *needed becomes the bytes of the text with its NUL. With a smaller capacity nothing is written and the call still
 * succeeds: ask with capacity 0 first. Errors as kstt_engine_create. */
KSTT_API kstt_status kstt_model_describe(const char *               path,
                                         const kstt_engine_params * params,
                                         char *                     buffer,
                                         size_t                     capacity,
                                         size_t *                   needed,
                                         kstt_error *               err);

#ifdef __cplusplus
}
#endif

#endif /* KSTT_MODEL_H */
