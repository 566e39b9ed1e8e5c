/**
 * The worker's side: owns one instance of the core and makes the calls it is sent, one after another. Every call is
 * answered once; after a trap the instance is in an unknown state, so that call is answered with the crash and no other
 * is made.
 */
import type { SourceOptions } from "../../../contract/backend.js";
import { CONSTANTS } from "../layout.js";
import type { AnswerMessage, CallMessage, CoreCalls, CoreState } from "./calls.js";
import { CoreCodec } from "./codec-calls.js";
import { type CoreFactory, CoreFailure, type CoreModule, startCore } from "./core-module.js";
import { CoreEngine } from "./engine-calls.js";
import { CoreFiles } from "./file-calls.js";
import { CoreForwards } from "./forward-calls.js";
import { CoreGenerations } from "./generation-calls.js";
import { CoreMemory } from "./memory.js";
import { writeEngineParams } from "./params.js";
import { CoreSessions } from "./session-calls.js";
import { CoreConversions, CoreResamplers } from "./stream-calls.js";
import { CoreTokenizers } from "./tokenizer-calls.js";

export interface ServicePort {
  post(message: AnswerMessage, transfer: Transferable[]): void;
  onMessage(listener: (data: unknown) => void): void;
}

type Handlers = {
  [K in keyof CoreCalls]: (
    ...values: Parameters<CoreCalls[K]>
  ) => ReturnType<CoreCalls[K]> | Promise<ReturnType<CoreCalls[K]>>;
};

export function serveCore(port: ServicePort): void {
  let handlers: Handlers | undefined;
  let state: (() => CoreState) | undefined;
  let printed = (): string => "";
  let isDead = false;

  async function start(...[glue, compiled, poolSize, threadUrl]: Parameters<CoreCalls["start"]>): Promise<number> {
    const { default: factory } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ glue)) as {
      default: CoreFactory;
    };
    const core = await startCore(
      factory,
      compiled,
      poolSize,
      threadUrl === undefined ? undefined : { glue, threadUrl },
    );
    printed = core.printed;
    const memory = new CoreMemory(core.module);
    const service = makeHandlers(core.module, memory);
    memory.scratch((scratch) => scratch.call("_kstt_init", 0));
    handlers = service.handlers;
    state = service.state;
    return memory.size;
  }

  async function answer({ id, call, values }: CallMessage): Promise<void> {
    try {
      if (isDead) {
        throw new Error("the core has crashed before");
      }
      const handler = (call === "start" ? start : handlers?.[call]) as
        | ((...all: readonly unknown[]) => unknown)
        | undefined;
      if (handler === undefined) {
        throw new Error(`the core is not ready for ${call}`);
      }
      const result = handler(...values);
      const value = result instanceof Promise ? await result : result;
      port.post({ id, value, state: state?.() }, transferable(value));
    } catch (error) {
      if (error instanceof CoreFailure) {
        port.post({ id, failure: { status: error.status, message: error.message } }, []);
        return;
      }
      isDead = true;
      const text = error instanceof Error ? error.message : String(error);
      const last = printed();
      port.post({ id, crash: last === "" ? text : `${text}; its last words: ${last}` }, []);
    }
  }

  // In order: a call that has to wait, which only the first one does, keeps the others waiting.
  let last: Promise<void> | undefined;
  port.onMessage((data) => {
    const message = data as CallMessage;
    last = last === undefined || handlers !== undefined ? answer(message) : last.then(() => answer(message));
  });
}

/** Buffers that the answer may give away: all of them are copies. */
function transferable(value: unknown): Transferable[] {
  return value instanceof Uint8Array || value instanceof Float32Array ? [value.buffer as ArrayBuffer] : [];
}

function makeHandlers(module: CoreModule, memory: CoreMemory): { handlers: Handlers; state: () => CoreState } {
  const files = new CoreFiles(memory);
  const tokenizers = new CoreTokenizers(module, memory);
  const engine = new CoreEngine(module, memory);
  const codec = new CoreCodec(module, memory, engine);
  const forwards = new CoreForwards(module, memory, engine);
  const generations = new CoreGenerations(module, memory, engine, forwards);
  const sessions = new CoreSessions(module, memory);
  const resamplers = new CoreResamplers(module, memory);
  const conversions = new CoreConversions(module, memory);
  let epoch = 0;

  const handlers: Handlers = {
    start: () => {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INTERNAL, "the core runs already");
    },
    createFile: (path, size) => files.create(path, size),
    writeFile: (path, at, bytes) => files.write(path, at, bytes),
    handOverFile: (path) => files.handOver(path),
    removeFile: (path) => files.remove(path),
    fileSize: (path) => files.size(path),
    readFile: (path, at, length) => files.read(path, at, length),
    describeModel: (path, options) => describe(module, memory, path, options),
    findVocabulary: (path) => {
      const tokenizer = tokenizers.open(path);
      const file = tokenizers.file(tokenizer);
      tokenizers.free(tokenizer);
      return file;
    },
    createEngine: (path, options) => engine.create(path, options),
    prefault: (maxBytes) => engine.prefault(maxBytes),
    resetStats: (next) => {
      engine.resetStats();
      epoch = next;
    },
    step: (maxSteps) => engine.step(maxSteps),
    createGeneration: (...values) => generations.create(...values),
    advanceGeneration: (...values) => generations.advance(...values),
    readGeneration: (...values) => generations.read(...values),
    setScores: (...values) => generations.setScores(...values),
    chooseTokens: (id) => generations.choose(id),
    finishRows: (...values) => generations.finishRows(...values),
    generationCache: (id) => generations.cache(id),
    freeGeneration: (id) => generations.free(id),
    createCodecStream: (...values) => codec.createStream(...values),
    restartCodecStream: (...values) => codec.restartStream(...values),
    freeCodecStream: (id) => codec.freeStream(id),
    createEncoding: (...values) => codec.createEncoding(...values),
    advanceEncoding: (...values) => codec.advanceEncoding(...values),
    freeEncoding: (id) => codec.freeEncoding(id),
    createDecoding: (...values) => codec.createDecoding(...values),
    advanceDecoding: (...values) => codec.advanceDecoding(...values),
    freeDecoding: (id) => codec.freeDecoding(id),
    createCache: (...values) => forwards.createCache(...values),
    copyCache: (id) => forwards.copyCache(id),
    cacheInfo: (id) => forwards.cacheInfo(id),
    readCache: (...values) => forwards.readCache(...values),
    importCache: (...values) => forwards.importCache(...values),
    cropCache: (...values) => forwards.cropCache(...values),
    selectCache: (...values) => forwards.selectCache(...values),
    resetCache: (id) => forwards.resetCache(id),
    freeCache: (id) => forwards.freeCache(id),
    createForward: (...values) => forwards.createForward(...values),
    advanceForward: (...values) => forwards.advanceForward(...values),
    readForward: (...values) => forwards.readForward(...values),
    forwardLoss: (id) => forwards.forwardLoss(id),
    freeForward: (id) => forwards.freeForward(id),
    createSession: (params) => sessions.create(engine.pointer, params),
    restoreSession: (snapshot) => sessions.restore(engine.pointer, snapshot),
    pushPcm: (...values) => sessions.push(...values),
    flush: (id) => sessions.flush(id),
    end: (id) => sessions.end(id),
    snapshot: (id) => sessions.snapshot(id),
    resetSession: (id) => sessions.reset(id),
    freeSession: (id) => sessions.free(id),
    createResampler: (...values) => resamplers.create(...values),
    pushResampler: (...values) => resamplers.push(...values),
    flushResampler: (id) => resamplers.flush(id),
    freeResampler: (id) => resamplers.free(id),
    createConversion: (...values) => conversions.create(...values),
    advanceConversion: (...values) => conversions.advance(...values),
    finishConversion: (id) => conversions.finish(id),
    reportConversion: (id) => conversions.report(id),
    freeConversion: (id) => conversions.free(id),
  };

  const state = (): CoreState => ({
    memoryBytes: memory.size,
    ...(engine.exists ? { stats: { epoch, values: engine.stats() } } : {}),
    sessions: sessions.changes(),
  });
  return { handlers, state };
}

function describe(module: CoreModule, memory: CoreMemory, path: string, options: SourceOptions): string {
  return memory.scratch((scratch) => {
    const name = scratch.text(path).pointer;
    const params = writeEngineParams(module, memory, scratch, options);
    const needed = scratch.zeros(4);
    scratch.call("_kstt_model_describe", name, params, 0, 0, needed);
    const capacity = memory.pointerAt(needed);
    const text = scratch.zeros(capacity);
    scratch.call("_kstt_model_describe", name, params, text, capacity, needed);
    return memory.cText(text, capacity);
  });
}
