/**
 * The WebAssembly module as the benches use it: straight on the C header, without the facade, in the thread that asks.
 * The package's own door to it is ts/backend/wasm.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { root, StepError } from "../tools/steps.mjs";

const folder = join(root, "build", "wasm");
const NO_ERROR = 0;
const EVENT_WORD = 1;
const EVENT_END = 3;
const CHUNK_BYTES = 8 << 20;

export class WasmCore {
  #module;
  #error;

  /** @param {{ threads?: number, relaxed?: boolean }} [options] threads > 1: the variant with threads. */
  static async load({ threads = 1, relaxed = false } = {}) {
    const name = threads > 1 ? "kstt-threads" : "kstt-single";
    if (relaxed) setFlagsFromString("--experimental-wasm-relaxed-simd");
    let wasmBinary;
    try {
      wasmBinary = readFileSync(join(folder, `${name}${relaxed ? "-relaxed" : ""}.wasm`));
    } catch (error) {
      throw new StepError(`${error.message}\nRun: node tools/build-wasm.mjs`);
    }
    const loader = join(folder, threads > 1 ? `${name}-node.mjs` : `${name}.mjs`);
    const { default: create } = await import(loader);
    return new WasmCore(await create({ wasmBinary, pthreadPoolSize: threads - 1 }));
  }

  constructor(module) {
    this.#module = module;
    this.#error = module._malloc(1024);
    this.check(module._kstt_init(0, this.#error));
  }

  get module() {
    return this.#module;
  }

  get error() {
    return this.#error;
  }

  /** Views are made anew each time: the memory may have grown. */
  get bytes() {
    return new Uint8Array(this.#module.wasmMemory.buffer);
  }

  get view() {
    return new DataView(this.#module.wasmMemory.buffer);
  }

  get memoryBytes() {
    return this.#module.wasmMemory.buffer.byteLength;
  }

  text(address) {
    const bytes = this.bytes;
    // TextDecoder refuses shared memory, hence the copy.
    return new TextDecoder().decode(bytes.slice(address, bytes.indexOf(0, address)));
  }

  check(status) {
    if (status !== NO_ERROR) throw new Error(`status ${status}: ${this.text(this.#error + 4)}`);
  }

  /** Runs `body` with the address of a copy of the text. */
  withText(text, body) {
    const encoded = new TextEncoder().encode(`${text}\0`);
    const address = this.#module._malloc(encoded.length) >>> 0;
    this.bytes.set(encoded, address);
    try {
      return body(address);
    } finally {
      this.#module._free(address);
    }
  }

  /** Calls a function that writes one 32-bit result through a pointer, and returns that. */
  result(call) {
    const out = this.#module._malloc(8) >>> 0;
    try {
      this.check(call(out));
      return this.view.getUint32(out, true);
    } finally {
      this.#module._free(out);
    }
  }

  /** Puts the files of a checkpoint (a folder, or one file) into memory; large ones are handed over to the engine. */
  addModel(path) {
    const names = statSync(path).isDirectory() ? readdirSync(path).filter((name) => isPart(path, name)) : [""];
    for (const name of names) this.#addFile(join(path, name));
    return names[0] === "" ? `memory:/${basename(path)}` : "memory:/";
  }

  #addFile(path) {
    const size = statSync(path).size;
    this.withText(`memory:/${basename(path)}`, (name) => {
      const address = this.result((out) => this.#module._kstt_memory_file_create(name, size, out, this.#error)) >>> 0;
      const file = openSync(path, "r");
      for (let at = 0; at < size; at += CHUNK_BYTES) {
        readSync(file, this.bytes, address + at, Math.min(CHUNK_BYTES, size - at), at);
      }
      closeSync(file);
      if (size > CHUNK_BYTES) this.check(this.#module._kstt_memory_file_hand_over(name, this.#error));
    });
  }

  createEngine(path, threads) {
    const params = this.#module._malloc(32) >>> 0;
    this.#module._kstt_engine_default_params(params);
    this.view.setInt32(params, threads, true);
    const engine = this.withText(path, (name) =>
      this.result((out) => this.#module._kstt_engine_create(name, params, out, this.#error)),
    );
    this.#module._free(params);
    return new WasmEngine(this, engine);
  }
}

function isPart(folder, name) {
  return statSync(join(folder, name)).isFile() && /\.(json|safetensors|gguf|model)$/.test(name);
}

class WasmEngine {
  #core;
  #engine;

  constructor(core, engine) {
    this.#core = core;
    this.#engine = engine;
  }

  /** Fields of kstt_engine_info that the benches show. */
  get info() {
    const { module, error } = this.#core;
    const out = module._malloc(248) >>> 0;
    this.#core.check(module._kstt_engine_get_info(this.#engine, out, error));
    const view = this.#core.view;
    const info = {
      rate: view.getInt32(out, true),
      frameSize: view.getInt32(out + 4, true),
      threads: view.getInt32(out + 76, true),
      weightBytes: Number(view.getBigInt64(out + 80, true)),
      copiedBytes: Number(view.getBigInt64(out + 88, true)),
      stateBytes: Number(view.getBigInt64(out + 96, true)),
      weightType: this.#core.text(out + 104),
      kernels: this.#core.text(out + 184),
    };
    module._free(out);
    return info;
  }

  createSession() {
    const { module, error } = this.#core;
    return new WasmSession(
      this.#core,
      this.#core.result((out) => module._kstt_session_create(this.#engine, 0, out, error)),
    );
  }

  /** Up to `rounds` steps; returns how many there were. */
  step(rounds) {
    const { module, error } = this.#core;
    return this.#core.result((out) => module._kstt_engine_step(this.#engine, rounds, out, error));
  }

  /** Nanoseconds and frames of codec and decoder. */
  stats() {
    const { module, error } = this.#core;
    const out = module._malloc(80) >>> 0;
    this.#core.check(module._kstt_engine_get_stats(this.#engine, out, error));
    const at = (index) => Number(this.#core.view.getBigInt64(out + 8 * index, true));
    const stats = { codecNs: at(0), codecFrames: at(1), decoderNs: at(2), decoderFrames: at(3) };
    module._free(out);
    return stats;
  }

  free() {
    this.#core.module._kstt_engine_free(this.#engine);
  }
}

class WasmSession {
  #core;
  #session;

  constructor(core, session) {
    this.#core = core;
    this.#session = session;
  }

  push(pcm, rate) {
    const { module, error } = this.#core;
    const address = module._malloc(pcm.length * 4) >>> 0;
    new Float32Array(module.wasmMemory.buffer, address, pcm.length).set(pcm);
    this.#core.check(module._kstt_session_push_pcm(this.#session, address, pcm.length, rate, error));
    module._free(address);
  }

  end() {
    this.#core.check(this.#core.module._kstt_session_end(this.#session, this.#core.error));
  }

  /** Words that are ready, and whether the end was reached. */
  poll() {
    const { module } = this.#core;
    const event = module._malloc(64) >>> 0;
    const words = [];
    let ended = false;
    while (module._kstt_session_poll(this.#session, event) === 1) {
      const view = this.#core.view;
      const type = view.getInt32(event, true);
      ended ||= type === EVENT_END;
      if (type === EVENT_WORD) {
        words.push({
          text: this.#core.text(view.getUint32(event + 40, true)),
          start: view.getFloat64(event + 16, true),
          end: view.getFloat64(event + 24, true),
        });
      }
    }
    module._free(event);
    return { words, ended };
  }

  free() {
    this.#core.module._kstt_session_free(this.#session);
  }
}
