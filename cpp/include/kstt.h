/* kstt.h - the only door to the kyutai-stt core.
 *
 * Recipe (a live stream):
 *   kstt_init(dir)                      once per process; finds the CPU kernels
 *   kstt_engine_create(path, ...)       one loaded model on one device
 *   kstt_session_create(engine, ...)    one audio stream
 *   loop: kstt_session_push_pcm, kstt_engine_step, kstt_session_poll
 *   kstt_session_end, then step and poll until KSTT_EVENT_END
 *
 * Recipe (as transformers' generate): kstt_generation_create, _advance until finished, _tokens.
 *
 * Contract
 *   - Synchronous calls, results are pulled, no callbacks, no exceptions, nothing printed.
 *   - Every fallible call returns a kstt_status and fills *err (err may be NULL). On failure *out is NULL.
 *   - Caller owns all buffers; lengths are counted in elements, not bytes. Strings are UTF-8.
 *   - Objects are opaque and owned by whoever created them. After its engine is freed, a session, generation or
 *     encoding answers every call with INVALID_STATE; it must still be freed, in any order. All *_free accept NULL.
 *   - An engine computes one call at a time: a compute call (marked [compute]) that meets another one
 *     returns KSTT_STATUS_BUSY at once. The other calls may run beside a compute call.
 *   - Frame = one codec step of audio (info.frame_size samples). Step = one decoder pass; emits one token per row.
 */
#ifndef KSTT_H
#define KSTT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(KSTT_BUILD)
#    define KSTT_API __declspec(dllexport)
#elif defined(__GNUC__)
#    define KSTT_API __attribute__((visibility("default")))
#else
#    define KSTT_API
#endif

#define KSTT_ABI_VERSION 4

typedef int32_t kstt_status;

enum {
    KSTT_STATUS_OK                 = 0,
    KSTT_STATUS_INVALID_ARGUMENT   = 1, /* a value outside its documented range */
    KSTT_STATUS_INVALID_STATE      = 2, /* e.g. push after end, tokens before the generation finished */
    KSTT_STATUS_BUSY               = 3, /* another compute call is running on this engine */
    KSTT_STATUS_FILE_NOT_FOUND     = 4,
    KSTT_STATUS_FILE_ACCESS        = 5, /* exists but cannot be read */
    KSTT_STATUS_MODEL_FORMAT       = 6, /* damaged or inconsistent checkpoint: names the key or tensor */
    KSTT_STATUS_MODEL_UNSUPPORTED  = 7, /* well-formed, but of a kind this build cannot run */
    KSTT_STATUS_INVALID_AUDIO      = 8, /* NaN or infinite samples, impossible rate */
    KSTT_STATUS_OUT_OF_MEMORY      = 9,
    KSTT_STATUS_DEVICE_UNAVAILABLE = 10,
    KSTT_STATUS_NO_SLOT            = 11, /* all slots of the engine are taken */
    KSTT_STATUS_INTERNAL           = 12, /* a defect in this library */
    KSTT_STATUS_INVALID_SNAPSHOT   = 13, /* bytes of a session that cannot be restored */
    KSTT_STATUS_DISK_FULL          = 14  /* no space for a file to be written, or a limit on its size */
};

typedef struct kstt_error {
    kstt_status status;
    char        message[1020]; /* what failed, expected and found; NUL-terminated, cut if longer */
} kstt_error;

typedef struct kstt_engine     kstt_engine;
typedef struct kstt_session    kstt_session;
typedef struct kstt_generation kstt_generation;
typedef struct kstt_encoding   kstt_encoding;
typedef struct kstt_resampler  kstt_resampler;

/* ---- process --------------------------------------------------------------------------------------------------- */

KSTT_API int32_t kstt_abi_version(void);

/* Loads the CPU kernels that suit this processor from `kernel_dir` (the folder of the addon). NULL: statically linked.
 * Idempotent and thread-safe. */
KSTT_API kstt_status kstt_init(const char * kernel_dir, kstt_error * err);

/* Message of a status, in English; never NULL. */
KSTT_API const char * kstt_status_name(kstt_status status);

/* ---- engine ---------------------------------------------------------------------------------------------------- */

/* Which encoder keys a query may see (spec 3.4). Both follow the config's sliding_window w. */
enum {
    KSTT_CODEC_WINDOW_STREAMING =
        0,                        /* first of the columns of a frame sees w-1 keys, the last one w (upstream, live) */
    KSTT_CODEC_WINDOW_UNIFORM = 1 /* every query sees w keys (transformers) */
};

/* What counts where a checkpoint's files, transformers' conversion and the training of a model differ (spec 5.4). */
enum {
    KSTT_COMPAT_FILES        = 0, /* the files */
    KSTT_COMPAT_TRANSFORMERS = 1, /* checkpoints not made for transformers behave as after its conversion (window of at
                                     most 375 steps, its start token); others as their files say */
    KSTT_COMPAT_TRAINED      = 2  /* stt-1b-en_fr as converted for transformers, known by its dimensions and a window of
                                     375 steps, gets the 750 it was trained with; others are as their files say */
};

typedef struct kstt_engine_params {
    int32_t n_threads;   /* 0: chosen from the processor and the model's size; else 1..256 */
    int32_t n_slots;     /* sessions that run at once, 1..4096; state memory grows with it */
    int32_t n_codebooks; /* audio streams to read, 0: all; the codec computes no more */
    int32_t compat;      /* KSTT_COMPAT_* */
    int32_t reserved[4];
} kstt_engine_params;

KSTT_API kstt_engine_params kstt_engine_default_params(void);

typedef struct kstt_engine_info {
    int32_t sample_rate;   /* Hz; 24000 for the published checkpoints */
    int32_t frame_size;    /* samples per frame, 1920 */
    double  frame_rate;    /* frames per second, 12.5 */
    int32_t n_codebooks;   /* audio streams the decoder reads, 32 */
    int32_t n_quantizers;  /* codebooks the codec computes (rows of kstt_encoding_codes), >= n_codebooks */
    int32_t codebook_size; /* entries per codebook, 2048 */
    int32_t vocab_size;    /* rows of the text head, start row included: 4001, 8001 */
    int32_t bos_token_id;  /* config value; transformers-style output starts with it */
    int32_t pad_token_id;  /* "nothing to say", 3 */
    int32_t hidden_size;
    int32_t n_layers;
    int32_t window;         /* decoder attention window, steps */
    int32_t codec_window;   /* codec attention window, columns */
    double  delay_seconds;  /* text delay the model was trained with */
    double  prefix_seconds; /* silence fed before a file */
    int32_t n_slots;
    int32_t n_threads;
    int64_t weight_bytes;    /* weights read by the engine, as stored */
    int64_t copied_bytes;    /* part of weight_bytes that had to be re-laid out in memory of its own */
    int64_t state_bytes;     /* device state of all slots */
    char    weight_type[16]; /* type of most decoder weights: "f32", "bf16", "f16", "q8_0", "q4_0", "q4_k" */
    char    device[64];      /* e.g. "cpu" */
    char    kernels[64];     /* instruction set in use, e.g. "avx512" */
    /* Entries of generation_config.json that generate() of transformers would follow and sessions do not: names, with a
     * comma between. kstt_model_describe has their values; a generation takes what kstt_generation_rules says. */
    char    unused_settings[640];
} kstt_engine_info;

/* Loads a checkpoint: its folder, or its file of weights with the other files beside it, in any layout that
 * kstt_model_describe knows. Weights are mapped, not read, unless the layout makes that impossible; every name, shape
 * and type is checked before anything is used. [compute] */
KSTT_API kstt_status kstt_engine_create(const char *               path,
                                        const kstt_engine_params * params,
                                        kstt_engine **             out,
                                        kstt_error *               err);
KSTT_API void        kstt_engine_free(kstt_engine * engine);
KSTT_API kstt_status kstt_engine_get_info(const kstt_engine * engine, kstt_engine_info * out, kstt_error * err);

/* Work done so far and in total, in the unit of the call that fills it. */
typedef struct kstt_progress {
    int64_t done;
    int64_t total;
    int32_t finished; /* 1: nothing is left to do */
    int32_t reserved;
} kstt_progress;

/* Brings up to max_bytes of mapped weights into memory, from where the last call stopped. Optional: without it the
 * first steps do it. Counts bytes. */
KSTT_API kstt_status kstt_engine_prefault(kstt_engine *   engine,
                                          int64_t         max_bytes,
                                          kstt_progress * out,
                                          kstt_error *    err);

/* Time spent and frames done per stage since creation (or the last reset); a frame counts once per row. */
typedef struct kstt_engine_stats {
    int64_t codec_ns;
    int64_t codec_frames;
    int64_t decoder_ns;
    int64_t decoder_frames;
    int64_t decoder_steps; /* graph runs; < decoder_frames when rows share a run, or drafts hold */
    int64_t resample_ns;
    int64_t step_ns;       /* of kstt_engine_step's rounds, codec and decoder together */
    int64_t max_step_ns;   /* the longest of them */
    int64_t steps;         /* rounds */
    int64_t replay_frames; /* part of decoder_frames: steps shown again after a refresh */
} kstt_engine_stats;

KSTT_API kstt_status kstt_engine_get_stats(const kstt_engine * engine, kstt_engine_stats * out, kstt_error * err);
KSTT_API kstt_status kstt_engine_reset_stats(kstt_engine * engine, kstt_error * err);

/* ---- generation: transformers' generate() ---------------------------------------------------------------------- */

typedef struct kstt_generation_params {
    int32_t max_new_tokens;    /* < 0: one per whole frame of input; larger values are clamped to that */
    int32_t audio_window_size; /* 0: encode the whole input first (default of transformers 5.18); > 0: frames per codec
                                  call, with its re-reading of the first window (spec 5.4 b) */
    int32_t reserved[6];
} kstt_generation_params;

KSTT_API kstt_generation_params kstt_generation_default_params(void);

/* input_values: [n_rows][n_samples] f32 at the model's rate, as the feature extractor returns them; copied. */
KSTT_API kstt_status kstt_generation_create(kstt_engine *                  engine,
                                            const float *                  input_values,
                                            int32_t                        n_rows,
                                            size_t                         n_samples,
                                            const kstt_generation_params * params,
                                            kstt_generation **             out,
                                            kstt_error *                   err);

/* Does at most about max_frames frames of work (encoding and decoding each count one frame per row). [compute] */
KSTT_API kstt_status kstt_generation_advance(kstt_generation * generation,
                                             int32_t           max_frames,
                                             kstt_progress *   out,
                                             kstt_error *      err);

/* Tokens per row, BOS included. */
KSTT_API int32_t kstt_generation_n_tokens(const kstt_generation * generation);

/* tokens: [n_rows][n_tokens], BOS first. INVALID_STATE before the generation is finished. */
KSTT_API kstt_status kstt_generation_tokens(const kstt_generation * generation,
                                            int32_t *               tokens,
                                            size_t                  capacity,
                                            kstt_error *            err);
KSTT_API void        kstt_generation_free(kstt_generation * generation);

/* ---- encoding: transformers' codec_model.encode() ---------------------------------------------------------------- */

/* input_values: [n_rows][n_samples]; a last partial frame is padded layer by layer as transformers does. */
KSTT_API kstt_status kstt_encoding_create(kstt_engine *    engine,
                                          const float *    input_values,
                                          int32_t          n_rows,
                                          size_t           n_samples,
                                          kstt_encoding ** out,
                                          kstt_error *     err);
KSTT_API kstt_status kstt_encoding_advance(kstt_encoding * encoding,
                                           int32_t         max_frames,
                                           kstt_progress * out,
                                           kstt_error *    err); /* [compute] */
KSTT_API int32_t     kstt_encoding_n_frames(const kstt_encoding * encoding);

/* codes: [n_rows][n_quantizers][n_frames], each in 0..codebook_size-1. */
KSTT_API kstt_status kstt_encoding_codes(const kstt_encoding * encoding,
                                         int32_t *             codes,
                                         size_t                capacity,
                                         kstt_error *          err);
KSTT_API void        kstt_encoding_free(kstt_encoding * encoding);

/* ---- the codec alone: streams of codes, codes to audio ------------------------------------------------------------
 */

#include "kstt-codec.h"

/* ---- sessions: live streams and files --------------------------------------------------------------------------- */

#include "kstt-session.h"

/* ---- resampler
 * -------------------------------------------------------------------------------------------------------- */

/* Rational polyphase FIR, streaming: any chunking gives the same samples. Rates 1000..768000 Hz. */
KSTT_API kstt_status kstt_resampler_create(int32_t rate_in, int32_t rate_out, kstt_resampler ** out, kstt_error * err);

/* Takes n finite samples and makes the output that is complete; *pcm_out stays valid until the next call on this
 * object. */
KSTT_API kstt_status kstt_resampler_push(
    kstt_resampler * resampler, const float * pcm, size_t n, const float ** pcm_out, size_t * n_out, kstt_error * err);

/* Makes the rest: in total ceil(n_in * rate_out / rate_in) samples; the object is then fresh again. */
KSTT_API kstt_status kstt_resampler_flush(kstt_resampler * resampler,
                                          const float **   pcm_out,
                                          size_t *         n_out,
                                          kstt_error *     err);
KSTT_API void        kstt_resampler_free(kstt_resampler * resampler);

/* ---- forward: transformers' forward() ------------------------------------------------------------------------------
 */

#include "kstt-forward.h"
#include "kstt-generate.h"

/* ---- conversion: one file out of a checkpoint -------------------------------------------------------------------- */

#include "kstt-convert.h"
#include "kstt-tokenizer.h"

#ifdef __cplusplus
}
#endif

#include "kstt-memory.h"
#include "kstt-model.h"

#endif /* KSTT_H */
