/** Sessions of a backend: live streams and files. Part of the contract of backend.ts; same rules. */

/** Live sessions come first in every step; files use what is left, and a small share of a busy engine in any case. */
export type SessionPriority = "live" | "file";

/**
 * How words are reported: "engine" as word and partial events on the clock of the audio pushed; "moshi_server" as the
 * moshiWord and moshiEndWord messages of Kyutai's Rust server, whose clock counts everything fed, silence included.
 */
export type WordTimes = "engine" | "moshi_server";

/** Turn detection: speech and pause events. */
export interface TurnParams {
  /** Models with pause heads: 0 to 3, for pauses of 0.5, 1, 2 and 3 s. */
  head: number;
  /** Smoothed probability of a pause from which on it is one, 0 to 1. */
  pauseThreshold: number;
  /** Below which it is speech; not above pauseThreshold. */
  speechThreshold: number;
  /** Time constant; 0: none. */
  smoothingSeconds: number;
  /** Models without heads: silence that counts as a pause. */
  pauseSeconds: number;
}

/** Renewal of the decoder's state, in steps; 0: chosen by the core. */
export interface RefreshParams {
  /** From this age of the state on, at a pause. */
  pauseSteps: number;
  /** At this age in any case. */
  limitSteps: number;
  /** Steps shown again to the new state. */
  replaySteps: number;
}

/**
 * What belongs to a prompt is not reported and takes no time. Text with audio is forced while the audio plays; without,
 * it is put into the model's mouth before the audio begins.
 */
export interface PromptParams {
  /** Pieces of the text, without boundaries; may be empty. */
  tokens: Int32Array;
  /** Mono, at most 60 s; may be empty. */
  pcm: Float32Array;
  /** Hz. */
  rate: number;
}

export interface SessionParams {
  /** Silence fed first, outside all times. Seconds; negative: the model's. */
  prefixSeconds: number;
  /** Silence fed by end(). Seconds; negative: delay + 1. */
  tailSeconds: number;
  priority: SessionPriority;
  /** A token event per step. */
  emitTokens: boolean;
  /** A vad event per step, if the model has pause heads. */
  emitVad: boolean;
  /** A partial event whenever the open word grows. */
  emitPartials: boolean;
  times: WordTimes;
  /** The server's asr_delay_in_tokens for moshi_server; negative: whole steps of the model's delay. */
  moshiDelaySteps: number;
  /** null: off. */
  turn: TurnParams | null;
  /** null: off. */
  refresh: RefreshParams | null;
  /** null: none. */
  prompt: PromptParams | null;
  /** Never chosen; the pad must not be among them. */
  bannedTokens: Int32Array;
  /** If any: only these, the boundary and the pad are chosen. */
  allowedTokens: Int32Array;
}

/** Values as kstt_session_default_params(). */
export const DEFAULT_TURN: Readonly<TurnParams> = Object.freeze({
  head: 2,
  pauseThreshold: 0.6,
  speechThreshold: 0.4,
  smoothingSeconds: 0.16,
  pauseSeconds: 0.6,
});

export const DEFAULT_REFRESH: Readonly<RefreshParams> = Object.freeze({ pauseSteps: 0, limitSteps: 0, replaySteps: 0 });

export const DEFAULT_SESSION: Readonly<SessionParams> = Object.freeze({
  prefixSeconds: -1,
  tailSeconds: -1,
  priority: "live",
  emitTokens: false,
  emitVad: false,
  emitPartials: false,
  times: "engine",
  moshiDelaySteps: -1,
  turn: null,
  refresh: DEFAULT_REFRESH,
  prompt: null,
  bannedTokens: new Int32Array(),
  allowedTokens: new Int32Array(),
});

/** Seconds count on the clock of the audio pushed: silence that a flush puts in never moves them. */
export type SessionEvent =
  /** Final. Starts never fall from word to word. */
  | {
      readonly type: "word";
      readonly text: string;
      readonly start: number;
      readonly end: number;
      /** 0 to 1. */
      readonly confidence: number;
    }
  /** The word under way, as far as it is known; its word event has the same start. */
  | {
      readonly type: "partial";
      readonly text: string;
      readonly start: number;
      readonly end: number;
      readonly confidence: number;
    }
  /** Step s has consumed frame s - 1. Steps that are taken again after a stall come again. */
  | { readonly type: "token"; readonly token: number; readonly step: number }
  /**
   * Somebody speaks (from `time` on), or has stopped (at `time`); `heard`: audio heard when that was decided. Source:
   * the model's pause heads, or its tokens and the loudness of the audio.
   */
  | {
      readonly type: "speech" | "pause";
      readonly time: number;
      readonly heard: number;
      readonly probability: number;
      readonly source: "heads" | "tokens";
    }
  /** Probability of a pause, per head; `buffered`: samples at the model's rate that wait behind this step. */
  | {
      readonly type: "vad";
      readonly step: number;
      readonly heard: number;
      readonly probabilities: readonly number[];
      readonly buffered: number;
    }
  /** All words before this flush() are final; `time`: seconds of audio before it. */
  | { readonly type: "flushed"; readonly time: number }
  /** The decoder's state is renewed. A stall: it had fallen silent or repeated itself. */
  | { readonly type: "refresh"; readonly time: number; readonly reason: "pause" | "limit" | "stall" }
  | { readonly type: "warning"; readonly code: "prompt-cut"; readonly message: string }
  /** Word and EndWord of moshi-server's protocol: start_time and stop_time in seconds. */
  | { readonly type: "moshiWord"; readonly text: string; readonly start: number }
  | { readonly type: "moshiEndWord"; readonly stop: number }
  /** Nothing follows. Seconds of audio pushed. */
  | { readonly type: "end"; readonly duration: number };

export interface SessionHandle {
  /** Mono PCM, fewer than 2^31 samples; copied before the promise is returned. Resolves to the frames waiting. */
  pushPcm(pcm: Float32Array, rate: number): Promise<number>;
  /**
   * Brings out all words spoken so far in the time it takes to compute the model's delay; the flushed event follows the
   * last of them. Audio may be pushed at once. Rejects with ERR_INVALID_STATE after end().
   */
  flush(): Promise<void>;
  end(): Promise<void>;
  reset(): Promise<void>;
  /**
   * The session as bytes, for EngineHandle.restoreSession() of any engine with the same model; events that were not
   * polled are in it. The session goes on unchanged. Waits for the round of a step that is under way.
   */
  snapshot(): Promise<Uint8Array>;
  /** Frames and renewals waiting: step() while this is above 0. */
  readonly ready: number;
  /** All waiting events, oldest first. */
  poll(): SessionEvent[];
  dispose(): Promise<void>;
}
