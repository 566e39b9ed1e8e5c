/**
 * A backend in memory that keeps the contract without a model: it shows that the suite asks for nothing but the
 * contract, and serves tests of the layers above. A frame's token follows from its samples; tokens above 63 are words.
 */
import { stat } from "node:fs/promises";
import { setImmediate as nextTick } from "node:timers/promises";
import { ComputeGate } from "../../ts/backend/compute-gate.js";
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
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
  ResamplerHandle,
  SessionHandle,
  SessionParams,
  WorkProgress,
} from "../../ts/contract/backend.js";
import type { ConversionHandle, ConversionOptions } from "../../ts/contract/conversion.js";
import type { CacheHandle, ForwardHandle, ForwardInputs } from "../../ts/contract/forward.js";
import type { TokenizerFile, TokenizerHandle } from "../../ts/contract/tokenizer.js";
import { FakeCodecStream, fakeAudio, takeStream } from "./fake-codec.js";
import { FakeConversion } from "./fake-conversion.js";
import { FakeCache, FakeForward } from "./fake-forward.js";
import { FakeGeneration } from "./fake-generation.js";
import { FakeResampler } from "./fake-resampler.js";
import { FakeSession } from "./fake-session.js";
import { FakeTokenizer } from "./fake-tokenizer.js";

const INFO = {
  sampleRate: 24_000,
  frameSize: 1920,
  frameRate: 12.5,
  numCodebooks: 4,
  numQuantizers: 6,
  codebookSize: 64,
  vocabSize: 101,
  bosTokenId: 100,
  padTokenId: 3,
  hiddenSize: 16,
  numLayers: 2,
  window: 20,
  codecWindow: 20,
  delaySeconds: 0.5,
  prefixSeconds: 0,
  threads: 1,
  weightBytes: 1000,
  copiedBytes: 0,
  stateBytes: 100,
  weightType: "f32",
  device: "fake",
  kernels: "none",
  unusedSettings: "",
} satisfies Omit<EngineInfo, "slots">;

export class FakeBackend implements Backend {
  readonly kind = "cpu";

  async createEngine(path: string, options: EngineOptions): Promise<EngineHandle> {
    await stat(path).catch((cause) => {
      throw codedError("ERR_FILE_NOT_FOUND", `${path}: ${cause.message}`);
    });
    return new FakeEngine(options);
  }

  async describeModel(path: string): Promise<string> {
    await stat(path).catch((cause) => {
      throw codedError("ERR_FILE_NOT_FOUND", `${path}: ${cause.message}`);
    });
    return JSON.stringify({ layout: "transformers", n_codebooks: INFO.numCodebooks });
  }

  async createResampler(rateIn: number, rateOut: number): Promise<ResamplerHandle> {
    return new FakeResampler(rateIn, rateOut);
  }

  createConversion(source: string, target: string, options: ConversionOptions): Promise<ConversionHandle> {
    return FakeConversion.create(source, target, options);
  }

  createTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle> {
    return FakeTokenizer.create(source);
  }
}

class FakeEngine implements EngineHandle {
  readonly info: EngineInfo;
  readonly #life = new Lifecycle("engine", async () => {});
  readonly #gate = new ComputeGate();
  readonly #sessions = new Set<FakeSession>();
  #prefaulted = 0;
  #frames = 0;
  #rounds = 0;

  constructor(options: EngineOptions) {
    this.info = { ...INFO, slots: options.slots };
  }

  prefault(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() => {
      const total = this.info.weightBytes;
      this.#prefaulted = Math.min(total, this.#prefaulted + maxBytes);
      return { done: this.#prefaulted, total, finished: this.#prefaulted === total };
    });
  }

  stats(): EngineStats {
    this.#life.assertOpen();
    const frames = this.#frames;
    return {
      codecNs: frames,
      codecFrames: frames,
      decoderNs: frames,
      decoderFrames: frames,
      decoderSteps: frames,
      resampleNs: 0,
      stepNs: this.#rounds,
      maxStepNs: Math.min(this.#rounds, 1),
      steps: this.#rounds,
      replayFrames: 0,
    };
  }

  resetStats(): void {
    this.#life.assertOpen();
    this.#frames = 0;
    this.#rounds = 0;
  }

  createGeneration(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<GenerationHandle> {
    return this.#life.run(() => {
      const values = copyRows(inputValues, rows, samples);
      const { frameSize } = this.info;
      const whole = Math.floor(samples / frameSize);
      const frames = params.maxNewTokens < 0 ? whole : Math.min(whole, params.maxNewTokens);
      const work = this.#work(rows, frames);
      const known = values.map((row) => framesOf(row, frameSize, frames).map(tokenOf));
      return new FakeGeneration(this.#life, this.info, known, params.rules, work.advance);
    });
  }

  createEncoding(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    stream?: CodecStreamHandle,
  ): Promise<EncodingHandle> {
    return this.#life.run(() => {
      const values = copyRows(inputValues, rows, samples);
      const { codebookSize, frameSize, numQuantizers } = this.info;
      const frames = Math.ceil(samples / frameSize);
      const work = takeStream(stream, "encoder", { rows, frames, whole: samples % frameSize === 0 }, () =>
        this.#work(rows, frames),
      );
      return {
        advance: work.advance,
        codes: () => {
          work.assertFinished();
          return values.map((row) =>
            Array.from({ length: numQuantizers }, (_, quantizer) =>
              Int32Array.from(
                framesOf(row, frameSize, frames),
                (frame) => (tokenOf(frame) * (quantizer + 1)) % codebookSize,
              ),
            ),
          );
        },
        dispose: work.dispose,
      };
    });
  }

  createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: CodecStreamHandle,
  ): Promise<DecodingHandle> {
    return this.#life.run(() => {
      const { codebookSize, frameSize, numQuantizers } = this.info;
      const wrong = codes.find((code) => code < 0 || code >= codebookSize);
      if (codes.length !== rows * quantizers * frames || quantizers > numQuantizers || wrong !== undefined) {
        throw codedError("ERR_INVALID_ARGUMENT", `${codes.length} codes, ${quantizers} codebooks, code ${wrong}`);
      }
      const audio = fakeAudio(codes.slice(), { rows, quantizers, frames, frameSize });
      const work = takeStream(stream, "decoder", { rows, frames, whole: true }, () => this.#work(rows, frames));
      return {
        advance: work.advance,
        audio: () => {
          work.assertFinished();
          return audio;
        },
        dispose: work.dispose,
      };
    });
  }

  createCodecStream(half: CodecHalf, rows: number): Promise<CodecStreamHandle> {
    return this.#life.run(() => new FakeCodecStream(half, rows, this.#life));
  }

  createCache(rows: number, window: number): Promise<CacheHandle> {
    return this.#life.run(() => new FakeCache(this.#life, this.info, rows, window));
  }

  createForward(inputs: ForwardInputs, cache: CacheHandle | undefined): Promise<ForwardHandle> {
    return this.#life.run(() => new FakeForward(this.#life, this.#gate, this.info, inputs, cache));
  }

  createSession(params: SessionParams): Promise<SessionHandle> {
    return this.#life.run(() => this.#addSession(params));
  }

  restoreSession(snapshot: Uint8Array): Promise<SessionHandle> {
    return this.#life.run(() => {
      const { params, fill } = FakeSession.open(snapshot);
      const session = this.#addSession(params);
      fill(session);
      return session;
    });
  }

  #addSession(params: SessionParams): FakeSession {
    if (this.#sessions.size >= this.info.slots) {
      throw codedError("ERR_NO_SLOT", `all ${this.info.slots} slots are taken`);
    }
    const session = new FakeSession(this.info, params, tokenOf, (release) => {
      return new Lifecycle(
        "session",
        async () => {
          this.#sessions.delete(session);
          release();
        },
        this.#life,
      );
    });
    this.#sessions.add(session);
    return session;
  }

  step(maxSteps: number): Promise<number> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        let stepped = 0;
        for (let step = 0; step < maxSteps; step++) {
          await nextTick();
          const waiting = [...this.#sessions].filter((session) => session.ready > 0);
          const live = waiting.filter((session) => session.priority === "live");
          const ready = (live.length > 0 ? live : waiting).filter((session) => session.step());
          stepped += ready.length;
          if (ready.length === 0) {
            break;
          }
          this.#rounds++;
        }
        this.#frames += stepped;
        return stepped;
      }),
    );
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  /** The computing half of generations and encodings: one tick of the event loop per frame. */
  #work(rows: number, frames: number) {
    const life = new Lifecycle("work", async () => {}, this.#life);
    let done = 0;
    return {
      advance: (maxFrames: number): Promise<WorkProgress> =>
        life.run(() =>
          this.#gate.run(async () => {
            for (const end = Math.min(frames, done + Math.ceil(maxFrames / rows)); done < end; done++) {
              await nextTick();
              this.#frames += rows;
            }
            return { done: done * rows, total: frames * rows, finished: done === frames };
          }),
        ),
      assertFinished: () => {
        life.assertOpen();
        if (done < frames) {
          throw codedError("ERR_INVALID_STATE", "the result is asked for before the work is finished");
        }
      },
      dispose: () => life.dispose(),
    };
  }
}

function copyRows(values: Float32Array, rows: number, samples: number): Float32Array[] {
  if (values.length !== rows * samples) {
    throw codedError("ERR_INVALID_ARGUMENT", `${values.length} elements are not ${rows} rows of ${samples}`);
  }
  if (!values.every(Number.isFinite)) {
    throw codedError("ERR_INVALID_AUDIO", "a sample is not a finite number");
  }
  return Array.from({ length: rows }, (_, row) => values.slice(row * samples, (row + 1) * samples));
}

function framesOf(row: Float32Array, frameSize: number, frames: number): Float32Array[] {
  return Array.from({ length: frames }, (_, frame) => row.subarray(frame * frameSize, (frame + 1) * frameSize));
}

/** 4 to 99. */
function tokenOf(frame: Float32Array): number {
  const sum = frame.reduce((total, sample, index) => total + Math.abs(sample) * ((index % 7) + 1), 0);
  return 4 + (Math.floor(sum) % 96);
}
