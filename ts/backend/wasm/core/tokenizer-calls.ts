/** kstt-tokenizer.h on one instance of the core. */
import type { TokenizerFile, TokenizerKind } from "../../../contract/tokenizer.js";
import { CONSTANTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import type { CoreMemory } from "./memory.js";

const KINDS: ReadonlyMap<number, TokenizerKind> = new Map([
  [CONSTANTS.KSTT_TOKENIZER_JSON, "tokenizer.json"],
  [CONSTANTS.KSTT_TOKENIZER_SENTENCEPIECE, "sentencepiece"],
]);

export class CoreTokenizers {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  /** From a path in the core's memory. */
  open(path: string): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_tokenizer_create", scratch.text(path).pointer, out);
      return this.#memory.pointerAt(out);
    });
  }

  create({ kind, name, bytes }: TokenizerFile): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const data = scratch.array(bytes);
      const label = scratch.text(name).pointer;
      const number = kind === "sentencepiece" ? CONSTANTS.KSTT_TOKENIZER_SENTENCEPIECE : CONSTANTS.KSTT_TOKENIZER_JSON;
      scratch.call("_kstt_tokenizer_create_from_memory", number, data, bytes.length, label, out);
      return this.#memory.pointerAt(out);
    });
  }

  vocabSize(tokenizer: number): number {
    return Number(this.#module._kstt_tokenizer_vocab_size(tokenizer));
  }

  encode(tokenizer: number, text: string): Int32Array {
    return this.#memory.scratch((scratch) => {
      const { pointer, size } = scratch.text(text);
      const count = scratch.zeros(4);
      scratch.call("_kstt_tokenizer_encode", tokenizer, pointer, size, 0, 0, count);
      const capacity = this.#memory.pointerAt(count);
      const ids = scratch.zeros(4 * capacity);
      scratch.call("_kstt_tokenizer_encode", tokenizer, pointer, size, ids, capacity, count);
      return this.#memory.copyInts(ids, this.#memory.pointerAt(count));
    });
  }

  decode(tokenizer: number, ids: Int32Array, skipSpecial: boolean): string {
    return this.#memory.scratch((scratch) => {
      const values = scratch.array(ids);
      const size = scratch.zeros(4);
      const flag = skipSpecial ? 1 : 0;
      scratch.call("_kstt_tokenizer_decode", tokenizer, values, ids.length, flag, 0, 0, size);
      const capacity = this.#memory.pointerAt(size) + 1;
      const text = scratch.zeros(capacity);
      scratch.call("_kstt_tokenizer_decode", tokenizer, values, ids.length, flag, text, capacity, size);
      return this.#memory.text(text, this.#memory.pointerAt(size));
    });
  }

  piece(tokenizer: number, id: number): string | undefined {
    return this.#memory.scratch((scratch) => {
      const size = scratch.zeros(4);
      const pointer = Number(this.#module._kstt_tokenizer_piece(tokenizer, id, size)) >>> 0;
      return pointer === 0 ? undefined : this.#memory.text(pointer, this.#memory.pointerAt(size));
    });
  }

  isSpecial(tokenizer: number, id: number): boolean {
    return Number(this.#module._kstt_tokenizer_is_special(tokenizer, id)) !== 0;
  }

  toJson(tokenizer: number): string {
    return this.#memory.scratch((scratch) => {
      const size = scratch.zeros(4);
      scratch.call("_kstt_tokenizer_to_json", tokenizer, 0, 0, size);
      const capacity = this.#memory.pointerAt(size) + 1;
      const text = scratch.zeros(capacity);
      scratch.call("_kstt_tokenizer_to_json", tokenizer, text, capacity, size);
      return this.#memory.text(text, this.#memory.pointerAt(size));
    });
  }

  file(tokenizer: number): TokenizerFile {
    return this.#memory.scratch((scratch) => {
      const size = scratch.zeros(4);
      const bytes = Number(this.#module._kstt_tokenizer_file_bytes(tokenizer, size)) >>> 0;
      const name = Number(this.#module._kstt_tokenizer_file_name(tokenizer)) >>> 0;
      const kind = KINDS.get(Number(this.#module._kstt_tokenizer_kind(tokenizer)));
      if (kind === undefined) {
        throw new CoreFailure(CONSTANTS.KSTT_STATUS_INTERNAL, "the core has a vocabulary of an unknown kind");
      }
      return {
        kind,
        name: this.#memory.cText(name),
        bytes: this.#memory.copyBytes(bytes, this.#memory.pointerAt(size)),
      };
    });
  }

  free(tokenizer: number): void {
    this.#module._kstt_tokenizer_free(tokenizer);
  }
}
