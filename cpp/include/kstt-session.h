/* kstt-session.h - sessions: live streams and files. Part of kstt.h, which includes it; see the contract there. */
#ifndef KSTT_SESSION_H
#define KSTT_SESSION_H

/* Who is served first. In every step the live sessions come first; files use what is left, and a small share of a busy
 * engine in any case. */
enum { KSTT_PRIORITY_LIVE = 0, KSTT_PRIORITY_FILE = 1 };

/* How words are reported. */
enum {
    KSTT_TIMES_ENGINE       = 0, /* WORD and PARTIAL, on the clock of the audio pushed */
    KSTT_TIMES_MOSHI_SERVER = 1  /* MOSHI_WORD and MOSHI_END_WORD, as Kyutai's Rust server sends them: the clock counts
                                    everything fed, silence included, and all its quirks are kept */
};

/* All -1 and 0 values below are chosen by the library; kstt_session_default_params() has them. Arrays are copied. */
typedef struct kstt_session_params {
    double  prefix_seconds;    /* silence fed first, outside all times; < 0: the model's */
    double  tail_seconds;      /* silence fed by end() so that the delayed words come out; < 0: delay + 1 s */
    int32_t priority;          /* KSTT_PRIORITY_* */
    int32_t emit_tokens;       /* 1: a TOKEN event per step */
    int32_t emit_vad;          /* 1: a VAD event per step, if the model has pause heads */
    int32_t emit_partials;     /* 1: a PARTIAL event whenever the open word grows */
    int32_t times;             /* KSTT_TIMES_* */
    int32_t moshi_delay_steps; /* the server's asr_delay_in_tokens; < 0: whole steps of the model's delay */

    /* turn detection: SPEECH and PAUSE events */
    int32_t detect_turns;           /* 1: on */
    int32_t turn_head;              /* 0 to 3: pauses of 0.5, 1, 2, 3 s; 2 as upstream's clients */
    double  turn_pause_threshold;   /* smoothed probability, 0.6 */
    double  turn_speech_threshold;  /* below turn_pause_threshold, 0.4 */
    double  turn_smoothing_seconds; /* time constant, 0.16; 0: none */
    double  turn_pause_seconds;     /* models without heads: silence that counts as a pause, 0.6 */

    /* renewal of the decoder's state: REFRESH events */
    int32_t refresh;              /* 1: on */
    int32_t refresh_pause_steps;  /* from this age of the state on at a pause; 0: 9/10 of the attention window, of
                                     files the whole window */
    int32_t refresh_limit_steps;  /* at this age in any case; 0: twice the window */
    int32_t refresh_replay_steps; /* steps shown again to the new state; 0: delay + 2 s */

    /* prompts. Text: pieces without boundaries. With audio they are forced while it plays (spec 8); without, they are
     * put into the model's mouth before the audio. What belongs to a prompt is not reported and has no time. */
    const int32_t * prompt_tokens;
    size_t          n_prompt_tokens;
    const float *   prompt_pcm; /* mono, finite */
    size_t          n_prompt_samples;
    int32_t         prompt_rate; /* Hz */

    int32_t         reserved;
    const int32_t * banned_tokens; /* never chosen; must not have the pad */
    size_t          n_banned_tokens;
    const int32_t * allowed_tokens; /* if any: only these, the boundary and the pad are chosen */
    size_t          n_allowed_tokens;
} kstt_session_params;

KSTT_API kstt_session_params kstt_session_default_params(void);

enum {
    KSTT_EVENT_WORD       = 1, /* text, start, end, confidence: final */
    KSTT_EVENT_TOKEN      = 2, /* token and step of one decoder step; steps taken again after a stall come again */
    KSTT_EVENT_END        = 3, /* nothing follows; start = end = duration of the audio pushed, in seconds */
    KSTT_EVENT_PARTIAL    = 4, /* the word under way: text, start, end so far; its WORD has the same start */
    KSTT_EVENT_FLUSHED    = 5, /* all words before this flush() are final; start = end = seconds of audio before it */
    KSTT_EVENT_SPEECH     = 6, /* start: where speech began; end: audio heard when it was decided; confidence, detail */
    KSTT_EVENT_PAUSE      = 7, /* start: where it ended; likewise */
    KSTT_EVENT_VAD        = 8, /* probabilities of a pause, per head; start = end = audio heard; buffered */
    KSTT_EVENT_REFRESH    = 9, /* the state is renewed at start = end = audio heard; detail: KSTT_REFRESH_* */
    KSTT_EVENT_WARNING    = 10,    /* detail: KSTT_WARNING_*; text: in English */
    KSTT_EVENT_MOSHI_WORD = 11,    /* text, start: the server's Word message */
    KSTT_EVENT_MOSHI_END_WORD = 12 /* start: the server's EndWord message */
};

enum { KSTT_REFRESH_PAUSE = 1, KSTT_REFRESH_LIMIT = 2, KSTT_REFRESH_STALL = 3 };
enum { KSTT_SOURCE_HEADS = 1, KSTT_SOURCE_TOKENS = 2 }; /* what SPEECH and PAUSE were told from */
enum { KSTT_WARNING_PROMPT_CUT = 1 };                   /* the text prompt did not fit into its audio */

typedef struct kstt_event {
    int32_t       type;
    int32_t       token;
    int64_t       step;  /* 0-based decoder step; step s has consumed frame s-1 */
    double        start; /* seconds on the clock of the audio pushed, >= 0 */
    double        end;
    float         confidence;    /* words: geometric mean of the probabilities of their tokens; turns: of the event */
    uint32_t      text_size;     /* bytes of text without the NUL */
    const char *  text;          /* valid until the next call on this session */
    const float * probabilities; /* [n_probabilities], likewise */
    int32_t       n_probabilities;
    int32_t       detail;
    int64_t       buffered; /* samples at the model's rate that wait behind this step */
} kstt_event;

KSTT_API kstt_status kstt_session_create(kstt_engine *               engine,
                                         const kstt_session_params * params,
                                         kstt_session **             out,
                                         kstt_error *                err);

/* Mono PCM in [-1, 1] at any rate from 1000 to 768000 Hz; the rate may change between calls (the resampler restarts).
 * Copied. Fewer than 2^31 samples, 0 included, all finite: the whole call is refused otherwise and nothing is taken. */
KSTT_API kstt_status
kstt_session_push_pcm(kstt_session * session, const float * pcm, size_t n, int32_t sample_rate, kstt_error * err);

/* Brings out all words spoken so far, in the time it takes to compute the model's delay: silence is fed behind them
 * that no clock counts. FLUSHED follows the last of them. Audio pushed meanwhile comes after the silence. */
KSTT_API kstt_status kstt_session_flush(kstt_session * session, kstt_error * err);
KSTT_API kstt_status kstt_session_end(kstt_session * session, kstt_error * err); /* no more audio will come */
KSTT_API kstt_status kstt_session_reset(kstt_session * session,
                                        kstt_error *   err); /* as fresh; pending events dropped */

/* Frames and renewals waiting to be computed (tail included once ended). */
KSTT_API int64_t kstt_session_n_ready(const kstt_session * session);

/* 1: *out holds one event; 0: none is waiting. */
KSTT_API int32_t kstt_session_poll(kstt_session * session, kstt_event * out);
KSTT_API void    kstt_session_free(kstt_session * session);

/* The session as bytes, events that were not polled included; it goes on unchanged. *bytes stays valid until the next
 * snapshot of this session. Waits for the round of a step that is under way; other calls may run beside it. */
KSTT_API kstt_status kstt_session_snapshot(kstt_session *   session,
                                           const uint8_t ** bytes,
                                           size_t *         n,
                                           kstt_error *     err);

/* A session that goes on where the snapshot was taken, in any engine with the same model, bit for bit on the same
 * instruction set. INVALID_SNAPSHOT: damaged, of another version, or of another model. */
KSTT_API kstt_status
kstt_session_restore(kstt_engine * engine, const uint8_t * bytes, size_t n, kstt_session ** out, kstt_error * err);

/* Computes up to max_steps rounds of all ready sessions; *n_stepped counts steps over all sessions, 0: nothing was
 * ready. Between two rounds other calls on the sessions take effect. [compute] */
KSTT_API kstt_status kstt_engine_step(kstt_engine * engine, int32_t max_steps, int64_t * n_stepped, kstt_error * err);

#endif /* KSTT_SESSION_H */
