/** What a worker can be asked to do, and how it answers: the protocol between wasm-backend.ts and core-service.ts. */
import type {
  CodecHalf,
  EngineInfo,
  EngineOptions,
  EngineStats,
  GenerationParams,
  SessionEvent,
  SessionParams,
  SourceOptions,
  StepResult,
  WorkProgress,
} from "../../../contract/backend.js";
import type { ConversionOptions } from "../../../contract/conversion.js";
import type { CacheInfo, ForwardInputs, ForwardResult } from "../../../contract/forward.js";
import type { TokenizerFile } from "../../../contract/tokenizer.js";
import type { GenerationState } from "./generation-calls.js";

/** Codes or audio, empty until the work is finished, and the columns that its stream has seen. */
export interface CodecAnswer<T> {
  readonly progress: WorkProgress;
  readonly result: T;
  readonly columns: number;
}

/** Objects of the core are named by numbers; a worker has one engine at most. */
export interface CoreCalls {
  /**
   * First of all. `glue`: URL of Emscripten's loader; `threadUrl`: of the script that its threads start with, where the
   * loader cannot find it. Answers with the memory in bytes.
   */
  start(glue: string, compiled: WebAssembly.Module, poolSize: number, threadUrl: string | undefined): number;

  createFile(path: string, size: number): void;
  writeFile(path: string, at: number, bytes: Uint8Array): void;
  /** The next engine takes the file's memory for its weights. */
  handOverFile(path: string): void;
  removeFile(path: string): void;
  fileSize(path: string): number;
  readFile(path: string, at: number, length: number): Uint8Array;

  describeModel(path: string, options: SourceOptions): string;
  /** The file that a vocabulary is in, wherever the core finds it at `path`. */
  findVocabulary(path: string): TokenizerFile;

  createEngine(path: string, options: EngineOptions): EngineInfo;
  prefault(maxBytes: number): WorkProgress;
  /** `epoch`: of the statistics in all answers from now on. */
  resetStats(epoch: number): void;
  step(maxSteps: number): number;

  createGeneration(inputValues: Float32Array, rows: number, samples: number, params: GenerationParams): number;
  advanceGeneration(id: number, maxFrames: number): GenerationState;
  readGeneration(id: number, result: StepResult, index: number): Float32Array;
  setScores(id: number, scores: Float32Array): void;
  chooseTokens(id: number): Int32Array;
  finishRows(id: number, rows: Uint8Array): void;
  generationCache(id: number): number;
  freeGeneration(id: number): void;
  createCodecStream(half: CodecHalf, rows: number): number;
  restartCodecStream(id: number, cache: "attention" | "convolutions"): void;
  freeCodecStream(id: number): void;
  /** `stream`: 0 for a whole input. */
  createEncoding(inputValues: Float32Array, rows: number, samples: number, stream: number): number;
  advanceEncoding(id: number, maxFrames: number): CodecAnswer<Int32Array[][]>;
  freeEncoding(id: number): void;
  createDecoding(codes: Int32Array, rows: number, quantizers: number, frames: number, stream: number): number;
  advanceDecoding(id: number, maxFrames: number): CodecAnswer<Float32Array>;
  freeDecoding(id: number): void;

  createCache(rows: number, window: number): number;
  copyCache(id: number): number;
  cacheInfo(id: number): CacheInfo;
  readCache(id: number, layer: number): { keys: Float32Array; values: Float32Array };
  importCache(id: number, positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): CacheInfo;
  cropCache(id: number, n: number): CacheInfo;
  selectCache(id: number, rows: Int32Array): CacheInfo;
  resetCache(id: number): CacheInfo;
  freeCache(id: number): void;
  /** `cache`: 0 for none. */
  createForward(inputs: ForwardInputs, cache: number): number;
  advanceForward(id: number, maxPositions: number): WorkProgress;
  readForward(id: number, result: ForwardResult, index: number): Float32Array;
  forwardLoss(id: number): number;
  freeForward(id: number): void;

  createSession(params: SessionParams): number;
  restoreSession(snapshot: Uint8Array): number;
  /** Answers with the frames that wait. */
  pushPcm(id: number, pcm: Float32Array, rate: number): number;
  flush(id: number): void;
  end(id: number): void;
  snapshot(id: number): Uint8Array;
  resetSession(id: number): void;
  freeSession(id: number): void;

  createResampler(rateIn: number, rateOut: number): number;
  pushResampler(id: number, pcm: Float32Array): Float32Array;
  flushResampler(id: number): Float32Array;
  freeResampler(id: number): void;

  createConversion(source: string, target: string, options: ConversionOptions): number;
  advanceConversion(id: number, maxBytes: number): WorkProgress;
  finishConversion(id: number): void;
  reportConversion(id: number): string;
  freeConversion(id: number): void;
}

export type CallName = keyof CoreCalls;

export interface CallMessage {
  readonly id: number;
  readonly call: CallName;
  readonly values: readonly unknown[];
}

/** What the host may ask about without waiting; sent with every answer, as far as it has changed. */
export interface CoreState {
  readonly memoryBytes: number;
  readonly stats?: { readonly epoch: number; readonly values: EngineStats };
  readonly sessions?: readonly SessionState[];
}

export interface SessionState {
  readonly id: number;
  readonly ready: number;
  readonly events: readonly SessionEvent[];
}

export type AnswerMessage =
  | { readonly id: number; readonly value: unknown; readonly state: CoreState | undefined }
  /** The call failed; the core goes on. */
  | { readonly id: number; readonly failure: { readonly status: number; readonly message: string } }
  /** The core has trapped, or never started; no further call is answered. */
  | { readonly id: number; readonly crash: string };
