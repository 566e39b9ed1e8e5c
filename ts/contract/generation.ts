/** Generation by more than the best logit; cpp/include/kstt-generate.h has the meanings and the order of the rules. */

import type { CacheHandle } from "./forward.js";
import type { WorkProgress } from "./work.js";

/** kstt_generation_rules. */
export interface GenerationRules {
  /** Sequences per row of audio. */
  readonly sequences: number;
  readonly pause: boolean;
  readonly record: boolean;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
  /** Negative: the model's. */
  readonly padId: number;
  readonly biases: readonly { readonly ids: Int32Array; readonly bias: number }[];
  readonly badWords: readonly { readonly ids: Int32Array }[];
  readonly repetitionPenalty: number;
  readonly noRepeatNgram: number;
  readonly eos: Int32Array;
  readonly minLength: number;
  readonly minNewTokens: number;
  readonly forcedBos: number;
  readonly forcedEos: Int32Array;
  readonly removeInvalid: boolean;
  readonly decayStart: number;
  readonly decayFactor: number;
  readonly suppress: Int32Array;
  readonly beginSuppress: Int32Array;
  readonly sample: boolean;
  /** 64 bits. */
  readonly seed: bigint;
  readonly temperature: number;
  readonly topH: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly typicalP: number;
  readonly epsilonCutoff: number;
  readonly etaCutoff: number;
  readonly renormalize: boolean;
}

export interface GenerationParams {
  /** Negative: one token per whole frame. */
  maxNewTokens: number;
  /** 0: encode the whole input first. */
  audioWindowSize: number;
  /** Absent: the best logit is the token. */
  rules?: GenerationRules | undefined;
}

/** Layers' results have an index: hiddenState 0 to numLayers, attention 0 to numLayers - 1. */
export type StepResult = "logits" | "scores" | "hiddenState" | "attention";

export interface GenerationHandle {
  /** Compute. Frames done and in total. With pause, ends at the next choice. */
  advance(maxFrames: number): Promise<WorkProgress>;
  /** One array per row of the result, BOS first. */
  tokens(): Int32Array[];
  /** A step has its scores and waits for choose(). */
  readonly waiting: boolean;
  /** Of the last step, rows first. */
  read(result: StepResult, index: number): Promise<Float32Array>;
  /** [rows][vocabulary]. */
  setScores(scores: Float32Array): Promise<void>;
  /** The next token of every row. */
  choose(): Promise<Int32Array>;
  /** 1: the row is done. */
  finishRows(rows: Uint8Array): Promise<void>;
  /** Of a finished generation with record. */
  cache(): Promise<CacheHandle>;
  dispose(): Promise<void>;
}
