/** Reading and writing the memory of a core: structs by the generated layout, strings, arrays. */

import { CONSTANTS, type KsttFunctions, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";

interface FieldLayout {
  readonly offset: number;
  readonly type: "i8" | "i32" | "u32" | "i64" | "f32" | "f64" | "ptr";
  /** Of an array. */
  readonly length?: number;
}

interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldLayout>>;
}

/** 64-bit integers as numbers: none of ours comes near 2^53. Arrays are texts, or reserved. */
export type StructValues<S extends StructLayout> = {
  [K in keyof S["fields"]]: S["fields"][K] extends { readonly length: number } ? string : number;
};

/** Functions whose last argument is the kstt_error. */
type WithoutLast<T extends readonly unknown[]> = T extends readonly [...infer First, number] ? First : never;
type FallibleName = {
  [K in keyof KsttFunctions]: K extends `_kstt_${string}`
    ? ReturnType<KsttFunctions[K]> extends number
      ? K
      : never
    : never;
}[keyof KsttFunctions];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export class CoreMemory {
  readonly #module: CoreModule;

  constructor(module: CoreModule) {
    this.#module = module;
  }

  /** Bytes of the instance's memory, which never shrinks. */
  get size(): number {
    return this.#module.wasmMemory.buffer.byteLength;
  }

  /** A view that holds until the next call of the core. */
  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#module.wasmMemory.buffer, pointer, length);
  }

  /** A copy that is the caller's, not shared. */
  copyBytes(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(length);
    copy.set(this.bytes(pointer, length));
    return copy;
  }

  copyFloats(pointer: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.copyBytes(pointer, 4 * length).buffer);
  }

  copyInts(pointer: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.copyBytes(pointer, 4 * length).buffer);
  }

  text(pointer: number, length: number): string {
    // Decoders refuse shared memory.
    return decoder.decode(this.copyBytes(pointer, length));
  }

  /** Up to the NUL, at most `limit` bytes. */
  cText(pointer: number, limit = 4096): string {
    const bytes = this.bytes(pointer, Math.min(limit, this.size - pointer));
    const end = bytes.indexOf(0);
    return this.text(pointer, end < 0 ? bytes.length : end);
  }

  get view(): DataView {
    return new DataView(this.#module.wasmMemory.buffer);
  }

  pointerAt(address: number): number {
    return this.view.getUint32(address, true);
  }

  read<S extends StructLayout>(struct: S, pointer: number): StructValues<S> {
    const { view } = this;
    return Object.fromEntries(
      Object.entries(struct.fields).map(([name, field]) => [name, this.#field(view, field, pointer + field.offset)]),
    ) as StructValues<S>;
  }

  write<S extends StructLayout>(struct: S, pointer: number, values: Partial<StructValues<S>>): void {
    const { view } = this;
    for (const [name, value] of Object.entries<unknown>(values)) {
      const field = struct.fields[name];
      if (field === undefined) {
        throw new RangeError(`no field ${name}`);
      }
      setNumber(view, field, pointer + field.offset, Number(value));
    }
  }

  #field(view: DataView, field: FieldLayout, at: number): number | string {
    switch (field.type) {
      case "i32":
        return view.getInt32(at, true);
      case "u32":
      case "ptr":
        return view.getUint32(at, true);
      case "i64":
        return Number(view.getBigInt64(at, true));
      case "f32":
        return view.getFloat32(at, true);
      case "f64":
        return view.getFloat64(at, true);
      case "i8":
        return this.cText(at, field.length);
    }
  }

  /** Runs `work` with memory that is freed afterwards. */
  scratch<T>(work: (scratch: Scratch) => T): T {
    const scratch = new Scratch(this.#module, this);
    try {
      return work(scratch);
    } finally {
      scratch.free();
    }
  }
}

function setNumber(view: DataView, field: FieldLayout, at: number, value: number): void {
  switch (field.type) {
    case "i32":
      view.setInt32(at, value, true);
      return;
    case "u32":
    case "ptr":
      view.setUint32(at, value, true);
      return;
    case "i64":
      view.setBigInt64(at, BigInt(value), true);
      return;
    case "f32":
      view.setFloat32(at, value, true);
      return;
    case "f64":
      view.setFloat64(at, value, true);
      return;
    case "i8":
      throw new RangeError("text fields are the core's to write");
  }
}

/** Arguments of calls. */
export class Scratch {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #owned: number[] = [];

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  /** Zeroed. */
  zeros(size: number): number {
    // A pointer even for nothing: the core takes NULL for a missing argument.
    const pointer = this.#module._malloc(Math.max(size, 8)) >>> 0;
    if (pointer === 0) {
      throw new CoreFailure(
        CONSTANTS.KSTT_STATUS_OUT_OF_MEMORY,
        `the core's memory has no room for ${size} bytes more`,
      );
    }
    this.#owned.push(pointer);
    this.#memory.bytes(pointer, size).fill(0);
    return pointer;
  }

  struct(layoutOf: StructLayout): number {
    return this.zeros(layoutOf.size);
  }

  array(values: Uint8Array | Float32Array | Int32Array | BigInt64Array): number {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const pointer = this.zeros(bytes.length);
    this.#memory.bytes(pointer, bytes.length).set(bytes);
    return pointer;
  }

  /** With its NUL. `size` leaves it out. */
  text(value: string): { readonly pointer: number; readonly size: number } {
    const bytes = encoder.encode(value);
    const pointer = this.zeros(bytes.length + 1);
    this.#memory.bytes(pointer, bytes.length).set(bytes);
    return { pointer, size: bytes.length };
  }

  /**
   * Calls a fallible function of kstt.h, whose last argument is the kstt_error.
   *
   * @throws CoreFailure
   */
  call<K extends FallibleName>(name: K, ...values: WithoutLast<Parameters<KsttFunctions[K]>>): void {
    const error = this.struct(STRUCTS.kstt_error);
    const entry = this.#module[name] as (...all: readonly unknown[]) => number;
    const status = entry(...values, error);
    if (status !== 0) {
      throw new CoreFailure(status, this.#memory.read(STRUCTS.kstt_error, error).message);
    }
  }

  free(): void {
    for (const pointer of this.#owned.splice(0)) {
      this.#module._free(pointer);
    }
  }
}
