/**
 * The WebAssembly module as the benches use it: straight on the C header, without the facade, in the thread that asks.
 * The package's own door to it is ts/backend/wasm.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { readHeaders } from "../tools/c-header.mjs";
import { root, StepError } from "../tools/steps.mjs";

const { structs: STRUCTS, constants: CONSTANTS } = readHeaders();
const folder = join(root, "build", "wasm");
const CHUNK_BYTES = 8 << 20;

export class WasmCore {
  #module;
  #error;

  /** @param {{ threads?: number, relaxed?: boolean }} [options] threads > 1: the variant with threads. */
  static async load({ threads = 1, relaxed = false } = {}) {
    const name = threads > 1 ? "kstt-threads" : "kstt-single";
    if (relaxed) {
      // An experiment in Node 20, whose first compiler has it wrong (cpp/kernels/dispatch.cpp).
      setFlagsFromString("--experimental-wasm-relaxed-simd");
      setFlagsFromString("--no-liftoff");
    }
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
    this.#error = module._malloc(STRUCTS.kstt_error.size) >>> 0;
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

  /** Where a block would go that is too large for any gap: how far the memory in use reaches. */
  heapEnd() {
    const address = this.#module._malloc(16 << 20);
    this.#module._free(address);
    return address >>> 0;
  }

  text(address) {
    const bytes = this.bytes;
    // TextDecoder refuses shared memory, hence the copy.
    return new TextDecoder().decode(bytes.slice(address, bytes.indexOf(0, address)));
  }

  check(status) {
    if (status !== CONSTANTS.KSTT_STATUS_OK) throw new Error(`status ${status}: ${this.text(this.#error + 4)}`);
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

  /** Calls a function that fills a struct, and returns its fields. */
  read(struct, call) {
    const { size, fields } = STRUCTS[struct];
    const address = this.#module._malloc(size) >>> 0;
    try {
      this.check(call(address));
      return Object.fromEntries(
        Object.entries(fields).map(([name, field]) => [name, this.#value(address + field.offset, field)]),
      );
    } finally {
      this.#module._free(address);
    }
  }

  #value(at, { type, length }) {
    if (type === "i8") return length === undefined ? this.view.getInt8(at) : this.text(at);
    const getters = {
      i32: () => this.view.getInt32(at, true),
      u32: () => this.view.getUint32(at, true),
      ptr: () => this.view.getUint32(at, true),
      i64: () => Number(this.view.getBigInt64(at, true)),
      f32: () => this.view.getFloat32(at, true),
      f64: () => this.view.getFloat64(at, true),
    };
    return getters[type]();
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
    const { size, fields } = STRUCTS.kstt_engine_params;
    const params = this.#module._malloc(size) >>> 0;
    this.#module._kstt_engine_default_params(params);
    this.view.setInt32(params + fields.n_threads.offset, threads, true);
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

/** As far as the benches need it, what an engine of ts/contract/backend.ts is. */
class WasmEngine {
  #core;
  #engine;

  constructor(core, engine) {
    this.#core = core;
    this.#engine = engine;
  }

  get info() {
    const fields = this.#core.read("kstt_engine_info", (out) =>
      this.#core.module._kstt_engine_get_info(this.#engine, out, this.#core.error),
    );
    return {
      sampleRate: fields.sample_rate,
      frameSize: fields.frame_size,
      frameRate: fields.frame_rate,
      threads: fields.n_threads,
      weightBytes: fields.weight_bytes,
      copiedBytes: fields.copied_bytes,
      stateBytes: fields.state_bytes,
      weightType: fields.weight_type,
      kernels: fields.kernels,
    };
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

  stats() {
    const fields = this.#core.read("kstt_engine_stats", (out) =>
      this.#core.module._kstt_engine_get_stats(this.#engine, out, this.#core.error),
    );
    return {
      codecNs: fields.codec_ns,
      codecFrames: fields.codec_frames,
      decoderNs: fields.decoder_ns,
      decoderFrames: fields.decoder_frames,
    };
  }

  resetStats() {
    this.#core.check(this.#core.module._kstt_engine_reset_stats(this.#engine, this.#core.error));
  }

  dispose() {
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

  /** Returns the steps that are ready. */
  pushPcm(pcm, rate) {
    const { module, error } = this.#core;
    const address = module._malloc(pcm.length * 4) >>> 0;
    new Float32Array(module.wasmMemory.buffer, address, pcm.length).set(pcm);
    this.#core.check(module._kstt_session_push_pcm(this.#session, address, pcm.length, rate, error));
    module._free(address);
    return this.ready;
  }

  get ready() {
    return Number(this.#core.module._kstt_session_n_ready(this.#session));
  }

  end() {
    this.#core.check(this.#core.module._kstt_session_end(this.#session, this.#core.error));
  }

  /** [{ type: "word", text, start, end }, { type: "end", ... }] */
  poll() {
    const { module } = this.#core;
    const events = [];
    for (;;) {
      let waiting = 0;
      const fields = this.#core.read("kstt_event", (out) => {
        waiting = module._kstt_session_poll(this.#session, out);
        return 0;
      });
      if (waiting === 0) return events;
      const { start, end } = fields;
      if (fields.type === CONSTANTS.KSTT_EVENT_WORD) {
        events.push({ type: "word", text: this.#core.text(fields.text), start, end });
      }
      if (fields.type === CONSTANTS.KSTT_EVENT_END) events.push({ type: "end", start, end });
    }
  }

  dispose() {
    this.#core.module._kstt_session_free(this.#session);
  }
}
