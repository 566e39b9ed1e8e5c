import type { EngineInfo } from "../contract/backend.js";

/** A loaded model. */
export interface ModelInfo {
  /** Hz; audio of any rate is converted. */
  readonly sampleRate: number;
  /** Codec frames, and decoder steps, per second. */
  readonly frameRate: number;
  /** Seconds by which the model's words come after the audio. */
  readonly delaySeconds: number;
  /** Steps that the decoder's attention sees. */
  readonly window: number;
  /** Tokens, the start token included. */
  readonly vocabSize: number;
  /** The token that says nothing. */
  readonly padTokenId: number;
  /** Sessions and recordings computed at once. */
  readonly slots: number;
  /** Threads that compute. */
  readonly threads: number;
  /** Of most weights: "f32", "bf16", "f16", "q8_0", "q4_0" or "q4_k". */
  readonly weightType: string;
  /** Weights, as stored. */
  readonly weightBytes: number;
  /** Of all slots. */
  readonly stateBytes: number;
  /**
   * Entries of the checkpoint's generation_config.json (sampling, rules on the scores, end tokens) that `generate()`
   * follows and transcription does not.
   */
  readonly unusedSettings: readonly string[];
}

export function engineSummary(info: EngineInfo): ModelInfo {
  const { sampleRate, frameRate, delaySeconds, window, vocabSize, padTokenId } = info;
  const { slots, threads, weightType, weightBytes, stateBytes, unusedSettings } = info;
  return {
    ...{ sampleRate, frameRate, delaySeconds, window, vocabSize, padTokenId },
    ...{ slots, threads, weightType, weightBytes, stateBytes },
    unusedSettings: unusedSettings === "" ? [] : unusedSettings.split(","),
  };
}
