/** An engine: a worker with one core, which goes, with all its memory, when the engine is disposed. */
import type {
  CacheHandle,
  CodecHalf,
  CodecStreamHandle,
  DecodingHandle,
  EncodingHandle,
  EngineHandle,
  EngineInfo,
  EngineStats,
  ForwardHandle,
  ForwardInputs,
  GenerationHandle,
  GenerationParams,
  SessionHandle,
  SessionParams,
  WorkProgress,
} from "../../contract/backend.js";
import { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import type { CoreState } from "./core/calls.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, whenForgotten } from "./release.js";
import { splitEvents } from "./snapshot-events.js";
import { type CodecPiece, WasmCodecStream, WasmDecoding, WasmEncoding, wasmStream } from "./wasm-codec.js";
import { WasmCache, WasmForward } from "./wasm-forward.js";
import { WasmGeneration } from "./wasm-generation.js";
import { WasmSession } from "./wasm-session.js";

const NO_STATS: EngineStats = {
  codecNs: 0,
  codecFrames: 0,
  decoderNs: 0,
  decoderFrames: 0,
  decoderSteps: 0,
  resampleNs: 0,
  stepNs: 0,
  maxStepNs: 0,
  steps: 0,
  replayFrames: 0,
};

/** What the worker has told, apart from the engine: the channel must not keep a forgotten engine alive. */
class EngineMirror {
  readonly sessions = new Map<number, WeakRef<WasmSession>>();
  /** Changes of sessions whose creation is not known here yet. */
  readonly #early = new Map<number, CoreState["sessions"]>();
  stats = NO_STATS;
  epoch = 0;

  receive({ stats, sessions = [] }: CoreState): void {
    // Figures from before a reset that is still under way are not shown.
    if (stats?.epoch === this.epoch) {
      this.stats = stats.values;
    }
    for (const state of sessions) {
      const session = this.sessions.get(state.id);
      if (session === undefined) {
        this.#early.set(state.id, [...(this.#early.get(state.id) ?? []), state]);
      } else {
        session.deref()?.update(state);
      }
    }
  }

  add(id: number, session: WasmSession): void {
    this.sessions.set(id, new WeakRef(session));
    for (const state of this.#early.get(id) ?? []) {
      session.update(state);
    }
    this.#early.delete(id);
  }
}

export class WasmEngine implements EngineHandle {
  readonly info: EngineInfo;
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #gate = new ComputeGate();
  readonly #mirror = new EngineMirror();

  constructor(channel: CoreChannel, info: EngineInfo) {
    this.info = info;
    this.#channel = channel;
    this.#life = new Lifecycle("engine", async () => channel.close());
    const mirror = this.#mirror;
    channel.onState = (state) => mirror.receive(state);
    // Children hold on to the lifecycle: the worker goes when neither the engine nor any of them is left.
    whenForgotten(this.#life, () => channel.close());
  }

  prefault(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#channel.call("prefault", [maxBytes]));
  }

  stats(): EngineStats {
    this.#life.assertOpen();
    return this.#mirror.stats;
  }

  resetStats(): void {
    this.#life.assertOpen();
    this.#mirror.stats = NO_STATS;
    this.#channel.tell("resetStats", [++this.#mirror.epoch]);
  }

  createGeneration(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    params: GenerationParams,
  ): Promise<GenerationHandle> {
    return this.#make(async () => {
      const copy = Float32Array.from(inputValues);
      const id = await this.#channel.call("createGeneration", [copy, rows, samples, params], [copy.buffer]);
      return new WasmGeneration(this.#channel, this.#life, this.#gate, id);
    });
  }

  createEncoding(
    inputValues: Float32Array,
    rows: number,
    samples: number,
    stream?: CodecStreamHandle,
  ): Promise<EncodingHandle> {
    return this.#make(async () => {
      const owner = wasmStream(stream);
      const copy = Float32Array.from(inputValues);
      const values = [copy, rows, samples, owner?.id ?? 0] as const;
      const id = await this.#channel.call("createEncoding", [...values], [copy.buffer]);
      return new WasmEncoding(this.#piece(id, owner));
    });
  }

  createDecoding(
    codes: Int32Array,
    rows: number,
    quantizers: number,
    frames: number,
    stream?: CodecStreamHandle,
  ): Promise<DecodingHandle> {
    return this.#make(async () => {
      const owner = wasmStream(stream);
      const copy = Int32Array.from(codes);
      const values = [copy, rows, quantizers, frames, owner?.id ?? 0] as const;
      const id = await this.#channel.call("createDecoding", [...values], [copy.buffer]);
      return new WasmDecoding(this.#piece(id, owner));
    });
  }

  createCodecStream(half: CodecHalf, rows: number): Promise<CodecStreamHandle> {
    return this.#make(async () => {
      const id = await this.#channel.call("createCodecStream", [half, rows]);
      return new WasmCodecStream(this.#channel, this.#life, id);
    });
  }

  createCache(rows: number, window: number): Promise<CacheHandle> {
    return this.#make(async () => {
      const id = await this.#channel.call("createCache", [rows, window]);
      return new WasmCache(this.#channel, this.#life, id);
    });
  }

  /** A message copies its arrays. */
  createForward(inputs: ForwardInputs, cache: CacheHandle | undefined): Promise<ForwardHandle> {
    return this.#make(async () => {
      const id = await this.#channel.call("createForward", [inputs, WasmCache.idOf(cache)]);
      return new WasmForward(this.#channel, this.#life, this.#gate, id);
    });
  }

  createSession(params: SessionParams): Promise<SessionHandle> {
    return this.#make(async () => this.#session(await this.#channel.call("createSession", [params])));
  }

  restoreSession(snapshot: Uint8Array): Promise<SessionHandle> {
    return this.#make(async () => {
      const { snapshot: own, events } = splitEvents(snapshot);
      const copy = Uint8Array.from(own);
      const session = this.#session(await this.#channel.call("restoreSession", [copy], [copy.buffer]));
      session.begin(events);
      return session;
    });
  }

  step(maxSteps: number): Promise<number> {
    return this.#life.run(() => this.#gate.run(() => this.#channel.call("step", [maxSteps])));
  }

  dispose(): Promise<void> {
    keepFromForgetting(this.#life);
    return this.#life.dispose();
  }

  #piece(id: number, stream: WasmCodecStream | undefined): CodecPiece {
    return { channel: this.#channel, engine: this.#life, gate: this.#gate, id, stream };
  }

  /** What is made while dispose() waits goes with the worker; the promise rejects with ERR_DISPOSED. */
  #make<T>(make: () => Promise<T>): Promise<T> {
    return this.#life.run(async () => {
      const made = await make();
      this.#life.assertOpen();
      return made;
    });
  }

  #session(id: number): WasmSession {
    const mirror = this.#mirror;
    const session = new WasmSession(this.#channel, this.#life, id, () => mirror.sessions.delete(id));
    this.#mirror.add(id, session);
    return session;
  }
}
