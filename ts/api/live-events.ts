/**
 * What a live session reports. Part of the public contract; docs/live.md says the same at length.
 *
 * All times are seconds on the clock of the audio written: silence that flush() and end() put in never moves them, a
 * change of the rate neither, reset() sets them to 0. Order: `queued` before `started` before all others; final words in
 * the order of their starts; `flushed` behind every word spoken before the flush(); `end` or `error` last.
 */
import type { SttError } from "../contract/errors.js";

/** A word. Not final: as far as it is known, to be replaced by the next event of the same index. */
export interface WordEvent {
  /** Tells the events apart. */
  readonly type: "word";
  /** Without spaces around it. */
  readonly text: string;
  /** Seconds. */
  readonly start: number;
  /** Seconds. */
  readonly end: number;
  /** 0 to 1: geometric mean of the probabilities of its tokens. */
  readonly confidence: number;
  /** A final word never changes. Every word becomes final once. */
  readonly final: boolean;
  /** Number of final words before it. A word that grows keeps its index and its start. */
  readonly index: number;
}

/** Somebody speaks (from `time` on), or has stopped (at `time`). They alternate, beginning with speech. */
export interface TurnEvent {
  /** Tells the events apart. */
  readonly type: "speech" | "pause";
  /** Seconds at which speech began or ended. */
  readonly time: number;
  /** Seconds of audio heard when it was decided. */
  readonly heard: number;
  /** 0 to 1, of what the event says. */
  readonly probability: number;
  /** The model's pause heads, or, for models without, its tokens and the loudness of the audio. */
  readonly source: "heads" | "tokens";
}

/** The pause heads' probabilities for pauses of 0.5, 1, 2 and 3 s; one event per frame (80 ms). */
export interface VadEvent {
  /** Tells the events apart. */
  readonly type: "vad";
  /** Seconds of audio heard. */
  readonly heard: number;
  /** Number of the decoder step. */
  readonly step: number;
  /** 0 to 1, one per pause head. */
  readonly probabilities: readonly number[];
  /** Samples at the model's rate that wait behind this step. */
  readonly buffered: number;
}

/** All words spoken before this flush() are final and have been reported. */
export interface FlushedEvent {
  /** Tells the events apart. */
  readonly type: "flushed";
  /** Seconds of audio before the flush. */
  readonly time: number;
}

/** How much of the audio is computed. */
export interface ProgressEvent {
  /** Tells the events apart. */
  readonly type: "progress";
  /** Seconds of audio written. */
  readonly written: number;
  /** Seconds of it computed; a lower bound by less than a frame. */
  readonly heard: number;
}

/** The decoder's state was renewed, without loss of words. A stall: it had fallen silent or repeated itself. */
export interface RefreshEvent {
  /** Tells the events apart. */
  readonly type: "refresh";
  /** Seconds of audio heard. */
  readonly time: number;
  /** A pause was used, the state was twice a window old, or the decoder had stalled. */
  readonly reason: "pause" | "limit" | "stall";
}

/** All slots are taken; audio is accepted up to the session's bound. */
export interface QueuedEvent {
  /** Tells the events apart. */
  readonly type: "queued";
  /** 1: next. */
  readonly position: number;
}

/** The session has a slot; audio is computed from now on. */
export interface StartedEvent {
  /** Tells the events apart. */
  readonly type: "started";
  /** Seconds waited for a slot. */
  readonly waited: number;
}

/** A token of the decoder, with `tokens`; words are made of them. */
export interface TokenEvent {
  /** Tells the events apart. */
  readonly type: "token";
  /** Id in the vocabulary. */
  readonly token: number;
  /** Step s has consumed frame s - 1. Steps that are taken again after a stall come again. */
  readonly step: number;
}

/** Something was done otherwise than asked. */
export interface WarningEvent {
  /** Tells the events apart. */
  readonly type: "warning";
  /** prompt-cut: the prompt's text did not fit into its audio. odd-bytes: the last bytes are less than one sample. */
  readonly code: "prompt-cut" | "odd-bytes";
  /** For people. */
  readonly message: string;
}

/** Word and EndWord of moshi-server's protocol, with `times: "moshi_server"`; their clock counts all silence, too. */
export type MoshiEvent =
  | { readonly type: "moshiWord"; readonly text: string; readonly start: number }
  | { readonly type: "moshiEndWord"; readonly stop: number };

/** After end(): all audio is transcribed, nothing follows. */
export interface EndEvent {
  /** Tells the events apart. */
  readonly type: "end";
  /** Seconds of audio written. */
  readonly duration: number;
}

/** The session failed or was aborted; nothing follows, and the iteration throws the same error next. */
export interface ErrorEvent {
  /** Tells the events apart. */
  readonly type: "error";
  /** Why; its `remedy` says what to do. */
  readonly error: SttError;
}

/** Everything a live session tells, told apart by `type`. */
export type LiveEvent =
  | WordEvent
  | TurnEvent
  | VadEvent
  | TokenEvent
  | FlushedEvent
  | ProgressEvent
  | RefreshEvent
  | QueuedEvent
  | StartedEvent
  | WarningEvent
  | MoshiEvent
  | EndEvent
  | ErrorEvent;

/** Whether `next` says all that an unread `previous` said, so that only the newer one needs keeping. */
export function supersedes(next: LiveEvent, previous: LiveEvent): boolean {
  if (next.type === "word" && previous.type === "word") {
    return !previous.final && previous.index === next.index;
  }
  return next.type === previous.type && (next.type === "progress" || next.type === "queued");
}
