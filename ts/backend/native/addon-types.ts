/**
 * The native module as bindings/node makes it. Shapes and meanings are those of the contract; the native side is safe
 * whatever the order of calls, and leaves their scheduling (ERR_BUSY, order of pushes, waiting in dispose) to us.
 */
import type {
  CodecHalf,
  EngineInfo,
  EngineOptions,
  EngineStats,
  GenerationParams,
  SessionEvent,
  SessionParams,
  SourceOptions,
  WorkProgress,
} from "../../contract/backend.js";

import type { ConversionOptions } from "../../contract/conversion.js";
import type { CacheInfo, ForwardInputs } from "../../contract/forward.js";

export interface NativeModule {
  /** KSTT_ABI_VERSION of the core inside. */
  readonly abiVersion: number;
  /**
   * Once per thread, before anything else. kernelDir: where the CPU kernels are, null when they are linked in.
   * makeError gives the error to throw for a kstt_status (or DISPOSED_STATUS) and its message.
   */
  init(kernelDir: string | null, makeError: (status: number, message: string) => Error): void;
  createEngine(path: string, options: EngineOptions): Promise<NativeEngine>;
  describeModel(path: string, options: SourceOptions): Promise<string>;
  createResampler(rateIn: number, rateOut: number): Promise<NativeResampler>;
  createConversion(source: string, target: string, options: ConversionOptions): Promise<NativeConversion>;
  createTokenizer(source: string | NativeTokenizerFile): Promise<NativeTokenizer>;
}

export interface NativeEngine {
  readonly info: EngineInfo;
  prefault(maxBytes: number): Promise<WorkProgress>;
  stats(): EngineStats;
  resetStats(): void;
  createGeneration(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<NativeGeneration>;
  createEncoding(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    stream?: NativeCodecStream,
  ): Promise<NativeEncoding>;
  createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: NativeCodecStream,
  ): Promise<NativeDecoding>;
  createCodecStream(half: CodecHalf, rows: number): Promise<NativeCodecStream>;
  createCache(rows: number, window: number): Promise<NativeCache>;
  createForward(inputs: ForwardInputs, cache: NativeCache | undefined): Promise<NativeForward>;
  createSession(params: SessionParams): Promise<NativeSession>;
  restoreSession(snapshot: Uint8Array): Promise<NativeSession>;
  step(maxSteps: number): Promise<number>;
  /** Frees once the last call and the last child are gone. */
  dispose(): Promise<void>;
}

export interface NativeGeneration {
  advance(maxFrames: number): Promise<WorkProgress>;
  tokens(): Int32Array[];
  waiting(): boolean;
  /** KSTT_STEP_*, and the index of a layer. */
  read(what: number, index: number): Promise<Float32Array>;
  setScores(scores: Float32Array): Promise<void>;
  choose(): Promise<Int32Array>;
  finishRows(rows: Uint8Array): Promise<void>;
  cache(): Promise<NativeCache>;
  dispose(): Promise<void>;
}

export interface NativeEncoding {
  advance(maxFrames: number): Promise<WorkProgress>;
  codes(): Int32Array[][];
  dispose(): Promise<void>;
}

export interface NativeDecoding {
  advance(maxFrames: number): Promise<WorkProgress>;
  audio(): Float32Array;
  dispose(): Promise<void>;
}

export interface NativeCodecStream {
  columns(): number;
  /** A sum of KSTT_CODEC_ATTENTION and KSTT_CODEC_CONVOLUTIONS. */
  restart(caches: number): void;
  dispose(): Promise<void>;
}

export interface NativeCache {
  info(): Promise<CacheInfo>;
  read(layer: number): Promise<{ keys: Float32Array; values: Float32Array }>;
  import(positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): Promise<CacheInfo>;
  crop(n: number): Promise<CacheInfo>;
  select(rows: Int32Array): Promise<CacheInfo>;
  reset(): Promise<CacheInfo>;
  copy(): Promise<NativeCache>;
  dispose(): Promise<void>;
}

export interface NativeForward {
  advance(maxPositions: number): Promise<WorkProgress>;
  /** KSTT_FORWARD_*, and the index of a layer. */
  read(what: number, index: number): Promise<Float32Array>;
  loss(): Promise<number>;
  dispose(): Promise<void>;
}

export interface NativeSession {
  /** Frames waiting; a promise when there is enough to do to be worth another thread. */
  pushPcm(pcm: Float32Array, rate: number): number | Promise<number>;
  flush(): Promise<void>;
  end(): Promise<void>;
  snapshot(): Promise<Uint8Array>;
  reset(): Promise<void>;
  ready(): number;
  poll(): SessionEvent[];
  dispose(): Promise<void>;
}

export interface NativeResampler {
  push(pcm: Float32Array): Promise<Float32Array>;
  flush(): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface NativeConversion {
  advance(maxBytes: number): Promise<WorkProgress>;
  finish(): Promise<void>;
  /** JSON of a ConversionReport. */
  report(): Promise<string>;
  dispose(): Promise<void>;
}

export interface NativeTokenizerFile {
  /** KSTT_TOKENIZER_*. */
  readonly kind: number;
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface NativeTokenizer {
  encode(text: string): Int32Array;
  decode(ids: Int32Array, skipSpecial: boolean): string;
  piece(id: number): string | undefined;
  isSpecial(id: number): boolean;
  toJson(): string;
  /** The bytes are a copy. */
  file(): { name: string; bytes: Uint8Array };
  kind(): number;
  vocabSize(): number;
  dispose(): Promise<void>;
}
