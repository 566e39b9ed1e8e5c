/** Files in the core's memory (kstt-memory.h), filled by the host piece by piece. */

import { CONSTANTS } from "../layout.js";
import { CoreFailure } from "./core-module.js";
import type { CoreMemory } from "./memory.js";

interface Place {
  readonly pointer: number;
  readonly size: number;
}

export class CoreFiles {
  readonly #memory: CoreMemory;

  constructor(memory: CoreMemory) {
    this.#memory = memory;
  }

  /** Its content is undefined until it is written. */
  create(path: string, size: number): void {
    this.#memory.scratch((scratch) => {
      scratch.call("_kstt_memory_file_create", scratch.text(path).pointer, size, scratch.zeros(4));
    });
  }

  write(path: string, at: number, bytes: Uint8Array): void {
    const { pointer, size } = this.#place(path);
    if (at + bytes.length > size) {
      throw new CoreFailure(
        CONSTANTS.KSTT_STATUS_INTERNAL,
        `${path}: ${at + bytes.length} bytes for a file of ${size}`,
      );
    }
    this.#memory.bytes(pointer + at, bytes.length).set(bytes);
  }

  size(path: string): number {
    return this.#place(path).size;
  }

  read(path: string, at: number, length: number): Uint8Array {
    const { pointer, size } = this.#place(path);
    return this.#memory.copyBytes(pointer + at, Math.min(length, size - at));
  }

  /** The next engine takes the file's memory for its weights. */
  handOver(path: string): void {
    this.#memory.scratch((scratch) => scratch.call("_kstt_memory_file_hand_over", scratch.text(path).pointer));
  }

  /** Nothing happens if it is not there any more. */
  remove(path: string): void {
    try {
      this.#memory.scratch((scratch) => scratch.call("_kstt_memory_file_remove", scratch.text(path).pointer));
    } catch (error) {
      if (!(error instanceof CoreFailure && error.status === CONSTANTS.KSTT_STATUS_FILE_NOT_FOUND)) {
        throw error;
      }
    }
  }

  #place(path: string): Place {
    return this.#memory.scratch((scratch) => {
      const pointer = scratch.zeros(4);
      const size = scratch.zeros(4);
      scratch.call("_kstt_memory_file_bytes", scratch.text(path).pointer, pointer, size);
      return { pointer: this.#memory.pointerAt(pointer), size: this.#memory.pointerAt(size) };
    });
  }
}
