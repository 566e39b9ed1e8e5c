/** Structs of kstt.h as the contract's objects. */
import type { EngineInfo, EngineStats, SessionEvent, WorkProgress } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import type { CoreMemory, StructValues } from "./memory.js";

export function readProgress(memory: CoreMemory, pointer: number): WorkProgress {
  const { done, total, finished } = memory.read(STRUCTS.kstt_progress, pointer);
  return { done, total, finished: finished !== 0 };
}

export function readInfo(memory: CoreMemory, pointer: number): EngineInfo {
  const info = memory.read(STRUCTS.kstt_engine_info, pointer);
  return {
    sampleRate: info.sample_rate,
    frameSize: info.frame_size,
    frameRate: info.frame_rate,
    numCodebooks: info.n_codebooks,
    numQuantizers: info.n_quantizers,
    codebookSize: info.codebook_size,
    vocabSize: info.vocab_size,
    bosTokenId: info.bos_token_id,
    padTokenId: info.pad_token_id,
    hiddenSize: info.hidden_size,
    numLayers: info.n_layers,
    window: info.window,
    codecWindow: info.codec_window,
    delaySeconds: info.delay_seconds,
    prefixSeconds: info.prefix_seconds,
    slots: info.n_slots,
    threads: info.n_threads,
    weightBytes: info.weight_bytes,
    copiedBytes: info.copied_bytes,
    stateBytes: info.state_bytes,
    weightType: info.weight_type,
    device: info.device,
    kernels: info.kernels,
    unusedSettings: info.unused_settings,
  };
}

export function readStats(memory: CoreMemory, pointer: number): EngineStats {
  const stats = memory.read(STRUCTS.kstt_engine_stats, pointer);
  return {
    codecNs: stats.codec_ns,
    codecFrames: stats.codec_frames,
    decoderNs: stats.decoder_ns,
    decoderFrames: stats.decoder_frames,
    decoderSteps: stats.decoder_steps,
    resampleNs: stats.resample_ns,
    stepNs: stats.step_ns,
    maxStepNs: stats.max_step_ns,
    steps: stats.steps,
    replayFrames: stats.replay_frames,
  };
}

const REFRESH_REASONS: ReadonlyMap<number, "pause" | "limit" | "stall"> = new Map([
  [CONSTANTS.KSTT_REFRESH_PAUSE, "pause"],
  [CONSTANTS.KSTT_REFRESH_LIMIT, "limit"],
  [CONSTANTS.KSTT_REFRESH_STALL, "stall"],
]);

type EventStruct = StructValues<(typeof STRUCTS)["kstt_event"]>;

/** The event that a poll has put at `pointer`. */
export function readEvent(memory: CoreMemory, pointer: number): SessionEvent {
  const event = memory.read(STRUCTS.kstt_event, pointer);
  const { start, end, step, confidence, detail } = event;
  switch (event.type) {
    case CONSTANTS.KSTT_EVENT_WORD:
      return { type: "word", text: textOf(memory, event), start, end, confidence };
    case CONSTANTS.KSTT_EVENT_PARTIAL:
      return { type: "partial", text: textOf(memory, event), start, end, confidence };
    case CONSTANTS.KSTT_EVENT_TOKEN:
      return { type: "token", token: event.token, step };
    case CONSTANTS.KSTT_EVENT_SPEECH:
      return { type: "speech", time: start, heard: end, probability: confidence, source: sourceOf(detail) };
    case CONSTANTS.KSTT_EVENT_PAUSE:
      return { type: "pause", time: start, heard: end, probability: confidence, source: sourceOf(detail) };
    case CONSTANTS.KSTT_EVENT_VAD: {
      const probabilities = [...memory.copyFloats(event.probabilities, event.n_probabilities)];
      return { type: "vad", step, heard: start, probabilities, buffered: event.buffered };
    }
    case CONSTANTS.KSTT_EVENT_FLUSHED:
      return { type: "flushed", time: start };
    case CONSTANTS.KSTT_EVENT_REFRESH: {
      const reason = REFRESH_REASONS.get(detail);
      if (reason === undefined) {
        throw new Error(`the core sent an event of unknown refresh reason ${detail}`);
      }
      return { type: "refresh", time: start, reason };
    }
    case CONSTANTS.KSTT_EVENT_WARNING:
      if (detail !== CONSTANTS.KSTT_WARNING_PROMPT_CUT) {
        throw new Error(`the core sent an event of unknown warning ${detail}`);
      }
      return { type: "warning", code: "prompt-cut", message: textOf(memory, event) };
    case CONSTANTS.KSTT_EVENT_MOSHI_WORD:
      return { type: "moshiWord", text: textOf(memory, event), start };
    case CONSTANTS.KSTT_EVENT_MOSHI_END_WORD:
      return { type: "moshiEndWord", stop: start };
    case CONSTANTS.KSTT_EVENT_END:
      return { type: "end", duration: end };
    default:
      throw new Error(`the core sent an event of unknown type ${event.type}`);
  }
}

function textOf(memory: CoreMemory, event: EventStruct): string {
  return memory.text(event.text, event.text_size);
}

function sourceOf(detail: number): "heads" | "tokens" {
  return detail === CONSTANTS.KSTT_SOURCE_HEADS ? "heads" : "tokens";
}
