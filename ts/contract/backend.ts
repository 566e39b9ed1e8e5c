/**
 * What every backend (native CPU, CUDA, WASM, the tests' fake) offers to the layers above: one promise-returning
 * method per call of cpp/include/kstt.h, nothing more. Numbers are decided below this line, schedules above it.
 *
 * Rules: arguments are already validated; failures reject with an SttError; one compute call (marked so) runs at a
 * time per engine, a second one rejects with ERR_BUSY; after dispose() every call rejects with ERR_DISPOSED.
 */
import type { ConversionHandle, ConversionOptions } from "./conversion.js";
import type { CacheHandle, ForwardHandle, ForwardInputs } from "./forward.js";
import type { GenerationHandle, GenerationParams } from "./generation.js";
import type { SessionHandle, SessionParams } from "./session.js";
import type { TokenizerFile, TokenizerHandle } from "./tokenizer.js";
import type { WorkProgress } from "./work.js";

export type { CacheHandle, ForwardHandle, ForwardInputs } from "./forward.js";
export type { GenerationHandle, GenerationParams, GenerationRules, StepResult } from "./generation.js";
export type { SessionEvent, SessionHandle, SessionParams } from "./session.js";
export type { WorkProgress } from "./work.js";

export type BackendKind = "cuda" | "cpu" | "wasm";

export interface BackendCandidate {
  readonly kind: BackendKind;
  /** Of a kind with several builds: which one; they are tried in the order of the list. */
  readonly variant?: string;
  /** Proves that the backend works here; rejects with the reason when not. */
  open(): Promise<Backend>;
}

export interface Backend {
  readonly kind: BackendKind;
  /** `path`: a checkpoint's folder, or its file of weights. Compute. */
  createEngine(path: string, options: EngineOptions): Promise<EngineHandle>;
  /** The JSON document of kstt_model_describe (cpp/include/kstt-model.h). Reads no weights. */
  describeModel(path: string, options: SourceOptions): Promise<string>;
  /** Rates in Hz, 1000 to 768000. */
  createResampler(rateIn: number, rateOut: number): Promise<ResamplerHandle>;
  /** Rewrites a checkpoint (folder or file) as one GGUF file. */
  createConversion(source: string, target: string, options: ConversionOptions): Promise<ConversionHandle>;
  /** From a .json, .model or .gguf file, a folder with a vocabulary, or bytes, which are copied. */
  createTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle>;
}

/** How a checkpoint is to be taken. */
export interface SourceOptions {
  /** Audio streams to read; absent: all. */
  codebooks?: number;
  /**
   * True: a checkpoint not made for transformers is taken as its conversion would make it. False: as it was trained,
   * where transformers' conversion says otherwise (docs/layouts.md). Absent: as its files say.
   */
  transformersCompat?: boolean;
}

export interface EngineOptions extends SourceOptions {
  /** 0: chosen by the core. */
  threads: number;
  /** Sessions that run at once. */
  slots: number;
}

/** kstt_engine_info, same meanings and units. */
export interface EngineInfo {
  readonly sampleRate: number;
  readonly frameSize: number;
  readonly frameRate: number;
  readonly numCodebooks: number;
  readonly numQuantizers: number;
  readonly codebookSize: number;
  readonly vocabSize: number;
  readonly bosTokenId: number;
  readonly padTokenId: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly window: number;
  readonly codecWindow: number;
  readonly delaySeconds: number;
  readonly prefixSeconds: number;
  readonly slots: number;
  readonly threads: number;
  readonly weightBytes: number;
  readonly copiedBytes: number;
  readonly stateBytes: number;
  readonly weightType: string;
  readonly device: string;
  readonly kernels: string;
  /** Names with a comma between. */
  readonly unusedSettings: string;
}

export interface EngineStats {
  readonly codecNs: number;
  readonly codecFrames: number;
  readonly decoderNs: number;
  readonly decoderFrames: number;
  readonly decoderSteps: number;
  readonly resampleNs: number;
  /** Rounds of step() over all ready sessions, codec and decoder together: time in total and of the longest. */
  readonly stepNs: number;
  readonly maxStepNs: number;
  readonly steps: number;
  /** Part of decoderFrames: steps shown again after a refresh. */
  readonly replayFrames: number;
}

export interface EngineHandle {
  readonly info: EngineInfo;
  /** Bytes done and in total. */
  prefault(maxBytes: number): Promise<WorkProgress>;
  stats(): EngineStats;
  resetStats(): void;
  /** inputValues: [rows][samples], row-major; copied before the promise is returned. */
  createGeneration(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<GenerationHandle>;
  /** Without a stream a last partial frame counts; a piece of one must be whole frames. */
  createEncoding(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    stream?: CodecStreamHandle,
  ): Promise<EncodingHandle>;
  /** codes: [rows][quantizers][frames], row-major; copied before the promise is returned. */
  createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: CodecStreamHandle,
  ): Promise<DecodingHandle>;
  /** State of rows that go through one half of the codec piece by piece. */
  createCodecStream(half: CodecHalf, rows: number): Promise<CodecStreamHandle>;
  /** window: keys that a query sees; 0: all, negative: the model's. */
  createCache(rows: number, window: number): Promise<CacheHandle>;
  /** All arrays are copied before the promise is returned. The cache is in use until the forward is finished or gone. */
  createForward(inputs: ForwardInputs, cache: CacheHandle | undefined): Promise<ForwardHandle>;
  createSession(params: SessionParams): Promise<SessionHandle>;
  /** A session that goes on where the snapshot was taken. Rejects with ERR_INVALID_SNAPSHOT or ERR_NO_SLOT. */
  restoreSession(snapshot: Uint8Array): Promise<SessionHandle>;
  /** Compute. Resolves to frames done over all sessions; 0: none was ready. */
  step(maxSteps: number): Promise<number>;
  dispose(): Promise<void>;
}

export interface EncodingHandle {
  /** Compute. Frames done and in total. */
  advance(maxFrames: number): Promise<WorkProgress>;
  /** [rows][quantizers] arrays of length frames. */
  codes(): Int32Array[][];
  dispose(): Promise<void>;
}

/** cpp/include/kstt-codec.h. What decodes rejects with ERR_MODEL_UNSUPPORTED where the model has no codec decoder. */
export type CodecHalf = "encoder" | "decoder";

export interface DecodingHandle {
  /** Compute. Frames done and in total. */
  advance(maxFrames: number): Promise<WorkProgress>;
  /** [rows][samples], row-major. */
  audio(): Float32Array;
  dispose(): Promise<void>;
}

export interface CodecStreamHandle {
  /** Columns that the transformer has seen in whole pieces since it began. */
  columns(): number;
  /** Lets one of the caches begin anew. ERR_INVALID_STATE while a piece is unfinished. */
  restart(cache: "attention" | "convolutions"): void;
  dispose(): Promise<void>;
}

export interface ResamplerHandle {
  push(pcm: Float32Array): Promise<Float32Array>;
  flush(): Promise<Float32Array>;
  dispose(): Promise<void>;
}
