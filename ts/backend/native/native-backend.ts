/** Backend over the addon: schedules its calls as the contract asks; the numbers are the addon's. */
import type {
  Backend,
  BackendKind,
  CodecHalf,
  CodecStreamHandle,
  DecodingHandle,
  EncodingHandle,
  EngineHandle,
  EngineInfo,
  EngineOptions,
  EngineStats,
  GenerationHandle,
  GenerationParams,
  ResamplerHandle,
  SessionEvent,
  SessionHandle,
  SessionParams,
  SourceOptions,
  WorkProgress,
} from "../../contract/backend.js";
import type { ConversionHandle, ConversionOptions } from "../../contract/conversion.js";
import type { CacheHandle, ForwardHandle, ForwardInputs } from "../../contract/forward.js";
import type { TokenizerFile, TokenizerHandle } from "../../contract/tokenizer.js";
import { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { SerialQueue } from "../serial-queue.js";
import type { NativeEngine, NativeModule, NativeResampler, NativeSession } from "./addon-types.js";
import { NativeCodecStreamHandle, NativeDecodingHandle, NativeEncodingHandle, nativeStream } from "./native-codec.js";
import { Conversion } from "./native-conversion.js";
import { Cache, Forward } from "./native-forward.js";
import { Generation } from "./native-generation.js";
import { NativeTokenizerHandle, toNativeSource } from "./native-tokenizer.js";

export class NativeBackend implements Backend {
  readonly kind: BackendKind;
  readonly #addon: NativeModule;

  /** `addon`: loaded and initialised. */
  constructor(kind: "cpu" | "cuda", addon: NativeModule) {
    this.kind = kind;
    this.#addon = addon;
  }

  async createEngine(path: string, options: EngineOptions): Promise<EngineHandle> {
    return new Engine(await this.#addon.createEngine(path, options));
  }

  async describeModel(path: string, options: SourceOptions): Promise<string> {
    return this.#addon.describeModel(path, options);
  }

  async createResampler(rateIn: number, rateOut: number): Promise<ResamplerHandle> {
    return new Resampler(await this.#addon.createResampler(rateIn, rateOut));
  }

  async createConversion(source: string, target: string, options: ConversionOptions): Promise<ConversionHandle> {
    return new Conversion(await this.#addon.createConversion(source, target, options));
  }

  async createTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle> {
    return new NativeTokenizerHandle(await this.#addon.createTokenizer(toNativeSource(source)));
  }
}

class Engine implements EngineHandle {
  readonly info: EngineInfo;
  readonly #native: NativeEngine;
  readonly #life: Lifecycle;
  readonly #gate = new ComputeGate();

  constructor(native: NativeEngine) {
    this.info = native.info;
    this.#native = native;
    this.#life = new Lifecycle("engine", () => native.dispose());
  }

  prefault(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#native.prefault(maxBytes));
  }

  stats(): EngineStats {
    this.#life.assertOpen();
    return this.#native.stats();
  }

  resetStats(): void {
    this.#life.assertOpen();
    this.#native.resetStats();
  }

  createGeneration(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<GenerationHandle> {
    return this.#life.make(
      () => this.#native.createGeneration(inputValues, rows, samples, params),
      (native) => new Generation(native, this.#life, this.#gate),
    );
  }

  createEncoding(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    stream?: CodecStreamHandle,
  ): Promise<EncodingHandle> {
    return this.#life.make(
      () => this.#native.createEncoding(inputValues, rows, samples, nativeStream(stream)),
      (native) => new NativeEncodingHandle(native, this.#life, this.#gate),
    );
  }

  createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: CodecStreamHandle,
  ): Promise<DecodingHandle> {
    return this.#life.make(
      () => this.#native.createDecoding(codes, rows, quantizers, frames, nativeStream(stream)),
      (native) => new NativeDecodingHandle(native, this.#life, this.#gate),
    );
  }

  createCodecStream(half: CodecHalf, rows: number): Promise<CodecStreamHandle> {
    return this.#life.make(
      () => this.#native.createCodecStream(half, rows),
      (native) => new NativeCodecStreamHandle(native, this.#life),
    );
  }

  createCache(rows: number, window: number): Promise<CacheHandle> {
    return this.#life.make(
      () => this.#native.createCache(rows, window),
      (native) => new Cache(native, this.#life),
    );
  }

  createForward(inputs: ForwardInputs, cache: CacheHandle | undefined): Promise<ForwardHandle> {
    return this.#life.make(
      () => this.#native.createForward(inputs, Cache.nativeOf(cache)),
      (native) => new Forward(native, this.#life, this.#gate),
    );
  }

  createSession(params: SessionParams): Promise<SessionHandle> {
    return this.#life.make(
      () => this.#native.createSession(params),
      (native) => new Session(native, this.#life),
    );
  }

  restoreSession(snapshot: Uint8Array): Promise<SessionHandle> {
    return this.#life.make(
      () => this.#native.restoreSession(snapshot),
      (native) => new Session(native, this.#life),
    );
  }

  step(maxSteps: number): Promise<number> {
    return this.#life.run(() => this.#gate.run(() => this.#native.step(maxSteps)));
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}

class Session implements SessionHandle {
  readonly #native: NativeSession;
  readonly #life: Lifecycle;
  readonly #queue = new SerialQueue();
  #resets = 0;

  constructor(native: NativeSession, engine: Lifecycle) {
    this.#native = native;
    this.#life = new Lifecycle("session", () => native.dispose(), engine);
  }

  pushPcm(pcm: Float32Array, rate: number): Promise<number> {
    return this.#life.run(() => {
      const taken = copyIfQueued(pcm, this.#queue);
      return this.#queue.run(() => this.#native.pushPcm(taken, rate));
    });
  }

  flush(): Promise<void> {
    return this.#life.run(() => this.#queue.run(() => this.#native.flush()));
  }

  end(): Promise<void> {
    return this.#life.run(() => this.#queue.run(() => this.#native.end()));
  }

  snapshot(): Promise<Uint8Array> {
    return this.#life.run(() => this.#queue.run(() => this.#native.snapshot()));
  }

  reset(): Promise<void> {
    return this.#life.run(async () => {
      this.#resets++;
      try {
        await this.#queue.run(() => this.#native.reset());
      } finally {
        this.#resets--;
      }
    });
  }

  get ready(): number {
    return this.#isReadable() ? this.#native.ready() : 0;
  }

  poll(): SessionEvent[] {
    this.#life.assertOpen();
    return this.#isReadable() ? this.#native.poll() : [];
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  /** During a reset the events are as good as dropped, and asking would wait on the event loop for a running step. */
  #isReadable(): boolean {
    return !this.#life.disposed && this.#resets === 0;
  }
}

class Resampler implements ResamplerHandle {
  readonly #native: NativeResampler;
  readonly #life: Lifecycle;
  readonly #queue = new SerialQueue();

  constructor(native: NativeResampler) {
    this.#native = native;
    this.#life = new Lifecycle("resampler", () => native.dispose());
  }

  push(pcm: Float32Array): Promise<Float32Array> {
    return this.#life.run(() => {
      const taken = copyIfQueued(pcm, this.#queue);
      return this.#queue.run(() => this.#native.push(taken));
    });
  }

  flush(): Promise<Float32Array> {
    return this.#life.run(() => this.#queue.run(() => this.#native.flush()));
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}

/** The addon copies when it is called; a call that waits in the queue comes too late for that. */
function copyIfQueued(pcm: Float32Array, queue: SerialQueue): Float32Array {
  return queue.idle ? pcm : pcm.slice();
}
