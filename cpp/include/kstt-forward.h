/* kstt-forward.h - the decoder over known inputs (transformers' forward), and its cache of keys and values. Part of
 * kstt.h, which includes it.
 *
 * Recipe: kstt_cache_create (optional), kstt_forward_create, _advance until finished, _read, _free. The next forward
 * with the same cache goes on where this one ended. Several positions in one pass and one after the other give the same
 * bits as long as the window of the cache is not reached.
 */
#ifndef KSTT_FORWARD_H
#define KSTT_FORWARD_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cache of keys and values ------------------------------------------------------------------------------------ */

/* Rows move together. Calls on one cache must not overlap; while an unfinished forward uses it, all calls but _free
 * answer INVALID_STATE. */
typedef struct kstt_cache kstt_cache;

typedef struct kstt_cache_info {
    int32_t n_rows;
    int32_t n_layers;
    int32_t n_kv_heads;
    int32_t head_dim;
    int32_t window; /* keys that a query of a later call sees, itself included; 0: all */
    int32_t reserved;
    int64_t n_seen;   /* positions since the cache was empty */
    int64_t n_stored; /* of them the last that are kept: all, or window - 1 at most */
} kstt_cache_info;

/* window < 0: the model's, as transformers' DynamicCache(config=...) has it. */
KSTT_API kstt_status
kstt_cache_create(kstt_engine * engine, int32_t n_rows, int32_t window, kstt_cache ** out, kstt_error * err);
KSTT_API kstt_status kstt_cache_copy(const kstt_cache * cache, kstt_cache ** out, kstt_error * err);
KSTT_API void        kstt_cache_free(kstt_cache * cache);
KSTT_API kstt_status kstt_cache_get_info(const kstt_cache * cache, kstt_cache_info * out, kstt_error * err);

/* Keys (after rotation) and values of one layer, each [n_rows][n_kv_heads][n_stored][head_dim]; capacity: floats that
 * each of the two buffers holds. */
KSTT_API kstt_status kstt_cache_read(
    const kstt_cache * cache, int32_t layer, float * keys, float * values, size_t capacity, kstt_error * err);

/* Replaces the content by that of a cache that has seen n_positions: per layer a buffer
 * [n_rows][n_kv_heads][n_positions][head_dim] of keys and one of values. */
KSTT_API kstt_status kstt_cache_import(kstt_cache *          cache,
                                       int64_t               n_positions,
                                       const float * const * keys,
                                       const float * const * values,
                                       kstt_error *          err);

/* Forgets the last n positions. INVALID_STATE once the window is reached: what a shorter cache would hold is gone. */
KSTT_API kstt_status kstt_cache_crop(kstt_cache * cache, int64_t n, kstt_error * err);

/* Row i becomes what row rows[i] was: reorders, repeats or drops rows. */
KSTT_API kstt_status kstt_cache_select(kstt_cache * cache, const int32_t * rows, int32_t n, kstt_error * err);
KSTT_API kstt_status kstt_cache_reset(kstt_cache * cache, kstt_error * err);

/* ---- forward ----------------------------------------------------------------------------------------------------- */

typedef struct kstt_forward kstt_forward;

typedef struct kstt_forward_params {
    int32_t         n_rows;
    int32_t         n_positions;
    int32_t         n_streams; /* 1 + n_codebooks; 1: text ids alone, the audio streams add nothing */
    const int32_t * ids;       /* [n_rows][n_positions][n_streams]: text id, then one code per stream */
    const float *   embeds;    /* [n_rows][n_positions][hidden_size], instead of ids */
    const int64_t * positions; /* [n_rows][n_positions] for the rotation; NULL: on from the cache */
    int32_t         packed;    /* 1: a jump in `positions` begins a sequence that sees itself alone */
    const uint8_t * mask; /* [n_rows][n_mask], 0: never seen; n_mask: positions the cache has seen and the new ones */
    size_t          n_mask;
    const float *   bias;       /* added to the scores, and then the only limit to what is seen:
                                   [bias_rows][bias_heads][n_positions][stored and new positions] */
    int32_t         bias_rows;  /* 1 or n_rows */
    int32_t         bias_heads; /* 1 or all heads */
    int32_t         want_logits;
    const int32_t * keep; /* positions whose logits are wanted; NULL: all */
    int32_t         n_keep;
    const int32_t * labels; /* [n_rows][kept positions]: label i + 1 is the answer to position i; needs logits */
    int32_t         labels_shifted; /* 1: label i is the answer to position i */
    int32_t         ignore_index;   /* label that does not count, -100 */
    double          loss_items;     /* divides the sum of the losses; 0: the number of labels */
    int32_t         hidden_states;  /* 1: keep all layers' */
    int32_t         attentions;     /* 1: keep all layers' weights */
    int32_t         reserved[8];
} kstt_forward_params;

/* No inputs, all logits, ignore_index -100. */
KSTT_API kstt_forward_params kstt_forward_default_params(void);

/* Checks and copies the inputs. cache may be NULL; else it is lent to the forward until that is finished or freed. */
KSTT_API kstt_status kstt_forward_create(kstt_engine *               engine,
                                         kstt_cache *                cache,
                                         const kstt_forward_params * params,
                                         kstt_forward **             out,
                                         kstt_error *                err);

/* About max_positions positions (times rows). The cache has seen them all when this is finished, and none before.
 * [compute] */
KSTT_API kstt_status kstt_forward_advance(kstt_forward *  forward,
                                          int32_t         max_positions,
                                          kstt_progress * out,
                                          kstt_error *    err);

enum {
    KSTT_FORWARD_LOGITS       = 0, /* [n_rows][kept][vocab_size] */
    KSTT_FORWARD_HIDDEN_STATE = 1, /* index 0: embeddings, l: output of layer l - 1, n_layers: behind the final norm
                                      (there without hidden_states, too); [n_rows][n_positions][hidden_size] */
    KSTT_FORWARD_ATTENTION    = 2  /* index: layer; [n_rows][heads][n_positions][stored and new positions] */
};

/* Copies one result. *size: its floats; out may be NULL to ask for that. INVALID_STATE before the end, INVALID_ARGUMENT
 * for what was not asked for. */
KSTT_API kstt_status kstt_forward_read(const kstt_forward * forward,
                                       int32_t              what,
                                       int32_t              index,
                                       float *              out,
                                       size_t               capacity,
                                       size_t *             size,
                                       kstt_error *         err);

/* Mean of -log softmax over the labels; NaN where none counts. */
KSTT_API kstt_status kstt_forward_loss(const kstt_forward * forward, double * out, kstt_error * err);
KSTT_API void        kstt_forward_free(kstt_forward * forward);

#ifdef __cplusplus
}
#endif

#endif /* KSTT_FORWARD_H */
