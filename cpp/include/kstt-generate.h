/* kstt-generate.h - generation by more than the best logit: rules on the scores, sampling, and steps that a caller
 * takes part in. Part of kstt.h, which includes it. Numbers and order are those of transformers 5.18's logits
 * processors.
 *
 * Recipe (the caller has a say in every step): kstt_generation_create_with_rules with pause, then
 *   loop: kstt_generation_advance until kstt_generation_waiting, or until finished
 *         kstt_generation_read, kstt_generation_set_scores
 *         kstt_generation_choose, kstt_generation_finish_rows
 */
#ifndef KSTT_GENERATE_H
#define KSTT_GENERATE_H

#include "kstt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Token ids in a row. */
typedef struct kstt_sequence {
    const int32_t * ids;
    size_t          n_ids; /* at least 1 */
    float bias; /* added to the score of the last id when the others were the last ones; of bad words: unused */
} kstt_sequence;

/* Every member but n_return, pad_id and seed does nothing by default. Ids must be those of tokens that can come out. */
typedef struct kstt_generation_rules {
    int32_t n_return;      /* sequences per row of audio: rows of the result, next to each other; 1 */
    int32_t pause;         /* 1: stop before every choice */
    int32_t record;        /* 1: keep a cache, and what the last step gave */
    int32_t hidden_states; /* 1, with record */
    int32_t attentions;    /* 1, with record */
    int32_t pad_id;        /* what rows get that have met an eos; < 0: the model's pad */

    const kstt_sequence * biases;
    size_t                n_biases;
    double                repetition_penalty; /* 1 */
    int32_t               no_repeat_ngram;    /* length of what may come once; 0: off */
    const kstt_sequence * bad_words;
    size_t                n_bad_words;
    const int32_t *       eos; /* end a row */
    size_t                n_eos;
    int64_t               min_length;     /* no eos before this many tokens, BOS included */
    int64_t               min_new_tokens; /* the same without BOS */
    int32_t               forced_bos;     /* first new token; -1: any */
    const int32_t *       forced_eos;     /* one of these is the last token if the length is reached */
    size_t                n_forced_eos;
    int32_t               remove_invalid; /* 1: NaN and infinities become numbers */
    int64_t               decay_start;    /* new tokens from which on eos gets likelier; -1: never */
    double                decay_factor;
    const int32_t *       suppress; /* never come */
    size_t                n_suppress;
    const int32_t *       begin_suppress; /* are not the first new token */
    size_t                n_begin_suppress;

    int32_t sample; /* 1: by the probabilities; 0: the best score, and none of the following but renormalize */
    int64_t seed;   /* any number; the same one gives the same tokens */
    double  temperature;
    double  top_h;          /* 0: off */
    int32_t top_k;          /* 0: off */
    double  top_p;          /* 1: off */
    double  min_p;          /* 0: off */
    double  typical_p;      /* 1: off */
    double  epsilon_cutoff; /* 0: off */
    double  eta_cutoff;     /* 0: off */
    int32_t renormalize;    /* 1: scores become log probabilities */
    int32_t reserved[8];
} kstt_generation_rules;

KSTT_API kstt_generation_rules kstt_generation_default_rules(void);

/* As kstt_generation_create; rules may be NULL. Everything is copied. */
KSTT_API kstt_status kstt_generation_create_with_rules(kstt_engine *                  engine,
                                                       const float *                  input_values,
                                                       int32_t                        n_rows,
                                                       size_t                         n_samples,
                                                       const kstt_generation_params * params,
                                                       const kstt_generation_rules *  rules,
                                                       kstt_generation **             out,
                                                       kstt_error *                   err);

/* Rows of the result: rows of audio times n_return. */
KSTT_API int32_t kstt_generation_n_rows(const kstt_generation * generation);

/* 1: a step has its scores and waits for kstt_generation_choose; advance does nothing until then. */
KSTT_API int32_t kstt_generation_waiting(const kstt_generation * generation);

enum {
    KSTT_STEP_LOGITS       = 0, /* [n_rows][vocab_size]; with pause or any rule */
    KSTT_STEP_SCORES       = 1, /* the same under the rules; after the choice with sampling's rules, too */
    KSTT_STEP_HIDDEN_STATE = 2, /* index 0 to n_layers: [n_rows][hidden_size] */
    KSTT_STEP_ATTENTION    = 3  /* index: layer; [n_rows][heads][keys] */
};

/* Copies what the last step gave. *size: its floats; out may be NULL to ask for that. */
KSTT_API kstt_status kstt_generation_read(const kstt_generation * generation,
                                          int32_t                 what,
                                          int32_t                 index,
                                          float *                 out,
                                          size_t                  capacity,
                                          size_t *                size,
                                          kstt_error *            err);

/* Replaces the scores of a waiting step: [n_rows][vocab_size], no NaN. */
KSTT_API kstt_status kstt_generation_set_scores(kstt_generation * generation,
                                                const float *     scores,
                                                size_t            n,
                                                kstt_error *      err);

/* Makes the choice of a waiting step; tokens: [n_rows]. INVALID_STATE where sampling has no token left. */
KSTT_API kstt_status kstt_generation_choose(kstt_generation * generation,
                                            int32_t *         tokens,
                                            size_t            capacity,
                                            kstt_error *      err);

/* rows: [n_rows], 1: done. Once all rows are, by this or by an eos, the generation is finished. */
KSTT_API kstt_status kstt_generation_finish_rows(kstt_generation * generation,
                                                 const uint8_t *   rows,
                                                 size_t            n,
                                                 kstt_error *      err);

/* The cache of a finished generation with record; to be freed by the caller. */
KSTT_API kstt_status kstt_generation_cache(const kstt_generation * generation, kstt_cache ** out, kstt_error * err);

#ifdef __cplusplus
}
#endif

#endif /* KSTT_GENERATE_H */
