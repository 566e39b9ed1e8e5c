/** The addon's tokenizers as the contract asks. */
import {
  TOKENIZER_KINDS,
  type TokenizerFile,
  type TokenizerHandle,
  type TokenizerKind,
} from "../../contract/tokenizer.js";
import { Lifecycle } from "../lifecycle.js";
import type { NativeTokenizer, NativeTokenizerFile } from "./addon-types.js";

export function toNativeSource(source: string | TokenizerFile): string | NativeTokenizerFile {
  return typeof source === "string" ? source : { ...source, kind: TOKENIZER_KINDS.indexOf(source.kind) };
}

export class NativeTokenizerHandle implements TokenizerHandle {
  readonly vocabSize: number;
  readonly #native: NativeTokenizer;
  readonly #life: Lifecycle;
  readonly #kind: TokenizerKind;

  constructor(native: NativeTokenizer) {
    this.vocabSize = native.vocabSize();
    this.#native = native;
    this.#life = new Lifecycle("tokenizer", () => native.dispose());
    this.#kind = TOKENIZER_KINDS[native.kind()] ?? "tokenizer.json";
  }

  get file(): TokenizerFile {
    this.#life.assertOpen();
    return { kind: this.#kind, ...this.#native.file() };
  }

  encode(text: string): Int32Array {
    this.#life.assertOpen();
    return this.#native.encode(text);
  }

  decode(ids: Int32Array, skipSpecial: boolean): string {
    this.#life.assertOpen();
    return this.#native.decode(ids, skipSpecial);
  }

  piece(id: number): string | undefined {
    this.#life.assertOpen();
    return this.#native.piece(id);
  }

  isSpecial(id: number): boolean {
    this.#life.assertOpen();
    return this.#native.isSpecial(id);
  }

  toJson(): string {
    this.#life.assertOpen();
    return this.#native.toJson();
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
