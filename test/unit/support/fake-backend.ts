/** A backend without a model: counts samples, says a word every few frames, and can be told to misbehave. */

import { ComputeGate } from "../../../ts/backend/compute-gate.js";
import { Lifecycle } from "../../../ts/backend/lifecycle.js";
import type {
  Backend,
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
  SessionEvent,
  SessionHandle,
  SourceOptions,
} from "../../../ts/contract/backend.js";
import type { ConversionHandle, ConversionOptions } from "../../../ts/contract/conversion.js";
import { SttError } from "../../../ts/contract/errors.js";
import type { CacheHandle, ForwardHandle, ForwardInputs } from "../../../ts/contract/forward.js";
import type { TokenizerFile, TokenizerHandle } from "../../../ts/contract/tokenizer.js";
import { setBackendOpener } from "../../../ts/model/runtime.js";
import { FakeCodecStream, fakeAudio, takeStream } from "../../contract/fake-codec.js";
import { FakeConversion } from "../../contract/fake-conversion.js";
import { FakeCache, FakeForward } from "../../contract/fake-forward.js";
import { FakeGeneration } from "../../contract/fake-generation.js";
import { FakeTokenizer } from "../../contract/fake-tokenizer.js";

export const FRAME = 1920;
const RATE = 24_000;
const FRAMES_PER_WORD = 5;
const TAIL_FRAMES = 19;

const FAKE_INFO: EngineInfo = {
  sampleRate: RATE,
  frameSize: FRAME,
  frameRate: 12.5,
  numCodebooks: 2,
  numQuantizers: 8,
  codebookSize: 256,
  vocabSize: 271,
  bosTokenId: 270,
  padTokenId: 3,
  hiddenSize: 8,
  numLayers: 1,
  window: 100,
  codecWindow: 50,
  delaySeconds: 0.56,
  prefixSeconds: 0,
  slots: 1,
  threads: 2,
  weightBytes: 1000,
  copiedBytes: 0,
  stateBytes: 10,
  weightType: "bf16",
  device: "fake",
  kernels: "none",
  unusedSettings: "",
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class FakeSession implements SessionHandle {
  readonly #engine: FakeEngine;
  #samples = 0;
  #taken = 0;
  #duration = 0;
  #ended = false;
  #events: SessionEvent[] = [];
  disposed = false;

  constructor(engine: FakeEngine) {
    this.#engine = engine;
  }

  async pushPcm(pcm: Float32Array, rate: number): Promise<number> {
    this.#engine.check();
    if (this.#ended) {
      throw new SttError("ERR_INVALID_STATE", "push after end");
    }
    this.#duration += pcm.length / rate;
    this.#samples += (pcm.length * RATE) / rate;
    return this.ready;
  }

  async end(): Promise<void> {
    this.#engine.check();
    this.#ended = true;
  }

  async flush(): Promise<void> {
    this.#engine.check();
    this.#events.push({ type: "flushed", time: this.#duration });
  }

  async snapshot(): Promise<Uint8Array> {
    throw new Error("the fake has no snapshots");
  }

  async reset(): Promise<void> {
    this.#samples = 0;
    this.#taken = 0;
  }

  get ready(): number {
    const frames = this.#ended ? Math.ceil(this.#samples / FRAME) + TAIL_FRAMES : Math.floor(this.#samples / FRAME);
    return this.disposed ? 0 : frames - this.#taken;
  }

  advance(steps: number): number {
    const frames = Math.min(steps, this.ready);
    for (let frame = 0; frame < frames; frame++) {
      this.#taken++;
      const isSpeech = this.#taken * FRAME <= this.#samples;
      if (isSpeech && this.#taken % FRAMES_PER_WORD === 0) {
        const end = this.#taken / 12.5;
        const text = `w${this.#taken / FRAMES_PER_WORD}`;
        this.#events.push({ type: "word", text, start: end - 0.2, end, confidence: 0.5 });
      }
    }
    if (this.#ended && frames > 0 && this.ready === 0) {
      this.#events.push({ type: "end", duration: this.#duration });
    }
    return frames;
  }

  poll(): SessionEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.#engine.sessions.delete(this);
  }
}

export class FakeEngine implements EngineHandle {
  readonly info: EngineInfo;
  readonly options: EngineOptions;
  readonly sessions = new Set<FakeSession>();
  readonly generations: { params: GenerationParams; rows: number; samples: number }[] = [];
  /** Frames of one step call at most, to make runs long. */
  maxSteps = Number.POSITIVE_INFINITY;
  /** Called before every compute call; may throw. */
  onCompute: (() => void | Promise<void>) | undefined;
  disposed = false;
  peakSessions = 0;
  rounds = 0;
  readonly #life = new Lifecycle("engine", async () => {});
  readonly forwards: ForwardInputs[] = [];
  #isComputing = false;

  constructor(options: EngineOptions) {
    this.options = options;
    const { codebooks: numQuantizers = FAKE_INFO.numQuantizers } = options;
    this.info = { ...FAKE_INFO, numQuantizers, slots: options.slots, threads: options.threads || 2 };
  }

  check(): void {
    if (this.disposed) {
      throw new SttError("ERR_DISPOSED", "the engine was disposed");
    }
  }

  async prefault(): Promise<{ done: number; total: number; finished: boolean }> {
    await turn();
    return { done: 1000, total: 1000, finished: true };
  }

  /** A millisecond per round. */
  stats(): EngineStats {
    const { rounds } = this;
    const none = { codecNs: 0, codecFrames: 0, decoderNs: 0, decoderFrames: 0, decoderSteps: 0, resampleNs: 0 };
    return { ...none, stepNs: rounds * 1e6, maxStepNs: 1e6, steps: rounds, replayFrames: 0 };
  }

  resetStats(): void {
    this.rounds = 0;
  }

  async #compute<T>(work: () => T): Promise<T> {
    this.check();
    if (this.#isComputing) {
      throw new SttError("ERR_BUSY", "another compute call is running");
    }
    this.#isComputing = true;
    try {
      await turn();
      await this.onCompute?.();
      return work();
    } finally {
      this.#isComputing = false;
    }
  }

  async createSession(): Promise<SessionHandle> {
    this.check();
    if (this.sessions.size >= this.info.slots) {
      throw new SttError("ERR_NO_SLOT", "all slots are taken");
    }
    const session = new FakeSession(this);
    this.sessions.add(session);
    this.peakSessions = Math.max(this.peakSessions, this.sessions.size);
    return session;
  }

  async restoreSession(): Promise<SessionHandle> {
    throw new Error("the fake has no snapshots");
  }

  step(maxSteps: number): Promise<number> {
    return this.#compute(() => {
      let frames = 0;
      let rounds = 0;
      for (const session of this.sessions) {
        const done = session.advance(Math.min(maxSteps, this.maxSteps));
        rounds = Math.max(rounds, done);
        frames += done;
      }
      this.rounds += rounds;
      return frames;
    });
  }

  async createCache(rows: number, window: number): Promise<CacheHandle> {
    return new FakeCache(this.#life, this.info, rows, window);
  }

  async createForward(inputs: ForwardInputs, cache: CacheHandle | undefined): Promise<ForwardHandle> {
    this.check();
    this.forwards.push(inputs);
    return new FakeForward(this.#life, new ComputeGate(), this.info, inputs, cache);
  }

  async createGeneration(
    _values: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<GenerationHandle> {
    this.check();
    this.generations.push({ params, rows, samples });
    const total = params.maxNewTokens;
    let done = 0;
    const known = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: total }, (_, step) => 260 + ((row + step + 1) % 10)),
    );
    return new FakeGeneration(this.#life, this.info, known, params.rules, (frames) =>
      this.#compute(() => {
        done = Math.min(total, done + Math.min(frames, this.maxSteps));
        return { done, total, finished: done === total };
      }),
    );
  }

  async createEncoding(
    _values: Float32Array,
    rows: number,
    samples: number,
    stream?: CodecStreamHandle,
  ): Promise<EncodingHandle> {
    this.check();
    const total = Math.ceil(samples / FRAME);
    const work = takeStream(stream, "encoder", { rows, frames: total, whole: samples % FRAME === 0 }, () =>
      this.#wholeWork(total),
    );
    return {
      ...work,
      codes: () =>
        Array.from({ length: rows }, (_, row) =>
          Array.from({ length: 8 }, (_, codebook) => new Int32Array(total).fill(10 * row + codebook)),
        ),
    };
  }

  async createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: CodecStreamHandle,
  ): Promise<DecodingHandle> {
    this.check();
    const audio = fakeAudio(codes, { rows, quantizers, frames, frameSize: FRAME });
    const work = takeStream(stream, "decoder", { rows, frames, whole: true }, () => this.#wholeWork(frames));
    return { ...work, audio: () => audio };
  }

  async createCodecStream(half: CodecHalf, rows: number): Promise<CodecStreamHandle> {
    this.check();
    return new FakeCodecStream(half, rows);
  }

  /** Done by the first call. */
  #wholeWork(total: number) {
    return {
      advance: () => this.#compute(() => ({ done: total, total, finished: true })),
      assertFinished: () => {},
      dispose: async () => {},
    };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}

export class FakeBackend implements Backend {
  readonly kind = "cpu";
  readonly engines: FakeEngine[] = [];
  /** Called with every new engine. */
  onEngine: ((engine: FakeEngine) => void) | undefined;
  /** Awaited by createEngine. */
  beforeEngine: () => Promise<void> = async () => {};

  async createEngine(_path: string, options: EngineOptions): Promise<EngineHandle> {
    await this.beforeEngine();
    const engine = new FakeEngine(options);
    this.engines.push(engine);
    this.onEngine?.(engine);
    return engine;
  }

  createConversion(source: string, target: string, options: ConversionOptions): Promise<ConversionHandle> {
    return FakeConversion.create(source, target, options);
  }

  /** What describeModel gives, by path. */
  readonly descriptions = new Map<string, object>();
  lastSourceOptions: SourceOptions | undefined;

  async describeModel(path: string, options: SourceOptions): Promise<string> {
    this.lastSourceOptions = options;
    const description = this.descriptions.get(path);
    if (description === undefined) {
      throw new SttError("ERR_FILE_NOT_FOUND", `${path}: no description in this fake`);
    }
    return JSON.stringify(description);
  }

  createTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle> {
    return FakeTokenizer.create(source);
  }

  /** Nearest neighbour: enough to see lengths. */
  async createResampler(rateIn: number, rateOut: number): ReturnType<Backend["createResampler"]> {
    const parts: Float32Array[] = [];
    return {
      push: async (pcm) => {
        parts.push(pcm.slice());
        return new Float32Array(0);
      },
      flush: async () => {
        const all = Float32Array.from(parts.flatMap((part) => [...part]));
        const length = Math.ceil((all.length * rateOut) / rateIn);
        return Float32Array.from({ length }, (_, index) => all[Math.floor((index * rateIn) / rateOut)] ?? 0);
      },
      dispose: async () => {},
    };
  }

  get engine(): FakeEngine {
    const engine = this.engines.at(-1);
    if (engine === undefined) {
      throw new Error("no engine was created");
    }
    return engine;
  }
}

/** Makes this fake the backend of everything that loads from now on. */
export function useFakeBackend(): FakeBackend {
  const backend = new FakeBackend();
  setBackendOpener(async (preference) => {
    if (preference !== "auto" && preference !== "cpu") {
      throw new SttError("ERR_BACKEND_UNAVAILABLE", `the ${preference} backend does not work here`);
    }
    return { backend, tried: [{ kind: "cpu", ok: true }] };
  });
  return backend;
}
