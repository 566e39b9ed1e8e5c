/* kstt-tokenizer.h - text to token ids and back. Part of kstt.h, which includes it.
 *
 * Results are exactly those of the library that a vocabulary belongs to: sentencepiece 0.2.3 for its model files,
 * tokenizers 0.23 (as transformers uses it) for tokenizer.json.
 * A tokenizer does not change: calls on one may overlap, from any thread.
 */
#ifndef KSTT_TOKENIZER_H
#define KSTT_TOKENIZER_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kstt_tokenizer kstt_tokenizer;

enum {
    KSTT_TOKENIZER_JSON          = 0, /* tokenizer.json with a Unigram or BPE model */
    KSTT_TOKENIZER_SENTENCEPIECE = 1  /* a .model file, Unigram or BPE */
};

/* `path`: a .json, .model or .gguf file, or a folder with tokenizer.json or one .model file. MODEL_UNSUPPORTED names
 * what the file has beyond transformers' conversions of SentencePiece models. */
KSTT_API kstt_status kstt_tokenizer_create(const char * path, kstt_tokenizer ** out, kstt_error * err);

/* From the bytes of a file of that kind; copied. `name` stands for the file in errors. */
KSTT_API kstt_status kstt_tokenizer_create_from_memory(
    int32_t kind, const void * bytes, size_t n_bytes, const char * name, kstt_tokenizer ** out, kstt_error * err);

/* Ids of a text of n_bytes UTF-8 bytes, without begin or end tokens. *n_ids: how many there are; ids holds them if
 * capacity suffices, else nothing is written (NULL with 0 to ask). What is not UTF-8 counts as U+FFFD. */
KSTT_API kstt_status kstt_tokenizer_encode(const kstt_tokenizer * tokenizer,
                                           const char *           text,
                                           size_t                 n_bytes,
                                           int32_t *              ids,
                                           size_t                 capacity,
                                           size_t *               n_ids,
                                           kstt_error *           err);

/* UTF-8 text of ids, which may be any numbers: those outside the vocabulary are left out. skip_special: 1 leaves out
 * unknown and control tokens too; 0 shows them as the library does (sentencepiece: its mark for unknown text and
 * nothing; tokenizers: their names). *size: bytes of the text; text holds them and a NUL if capacity suffices, else
 * nothing is written (NULL with 0 to ask). */
KSTT_API kstt_status kstt_tokenizer_decode(const kstt_tokenizer * tokenizer,
                                           const int32_t *        ids,
                                           size_t                 n_ids,
                                           int32_t                skip_special,
                                           char *                 text,
                                           size_t                 capacity,
                                           size_t *               size,
                                           kstt_error *           err);

/* The piece of an id as the vocabulary has it, e.g. "<0xC3>", with U+2581 for a space; NULL: there is none. *size (may
 * be NULL): its bytes. Valid as long as the tokenizer. */
KSTT_API const char * kstt_tokenizer_piece(const kstt_tokenizer * tokenizer, int32_t id, size_t * size);
KSTT_API int32_t      kstt_tokenizer_is_special(const kstt_tokenizer * tokenizer, int32_t id);
KSTT_API int32_t      kstt_tokenizer_vocab_size(const kstt_tokenizer * tokenizer);
KSTT_API int32_t      kstt_tokenizer_kind(const kstt_tokenizer * tokenizer);

/* What it was made from: the file's path (or the name given), and its bytes. Valid as long as the tokenizer. */
KSTT_API const char * kstt_tokenizer_file_name(const kstt_tokenizer * tokenizer);
KSTT_API const void * kstt_tokenizer_file_bytes(const kstt_tokenizer * tokenizer, size_t * n_bytes);

/* The vocabulary as tokenizer.json: as it is, or what transformers makes of a SentencePiece model. MODEL_UNSUPPORTED:
 * it has no such form. *size: bytes of the text; text holds them and a NUL if capacity suffices, else nothing is
 * written (NULL with 0 to ask). */
KSTT_API kstt_status
kstt_tokenizer_to_json(const kstt_tokenizer * tokenizer, char * text, size_t capacity, size_t * size, kstt_error * err);
KSTT_API void kstt_tokenizer_free(kstt_tokenizer * tokenizer);

#ifdef __cplusplus
}
#endif

#endif
