/** What the tokenizer class needs of a vocabulary, whatever file it came from. */
import type { TokenizerHandle } from "../contract/tokenizer.js";

export interface Vocabulary {
  /** As save_pretrained writes them. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Whether the files ask to remove the space before punctuation. */
  readonly cleansUp: boolean;
  readonly size: number;
  decode(ids: readonly number[], skipSpecial: boolean): string;
  piece(id: number): string | undefined;
}

/** One that the core reads: SentencePiece models, and what is inside a GGUF file. */
export class CoreVocabulary implements Vocabulary {
  readonly cleansUp = false;
  readonly #handle: TokenizerHandle;

  constructor(handle: TokenizerHandle) {
    this.#handle = handle;
  }

  get files(): ReadonlyMap<string, string | Uint8Array> {
    const { kind, name, bytes } = this.#handle.file;
    const base = name.replace(/^.*[\\/:]\s?/, "");
    return new Map([[kind === "tokenizer.json" ? kind : base.endsWith(".model") ? base : "tokenizer.model", bytes]]);
  }

  get size(): number {
    return this.#handle.vocabSize;
  }

  decode(ids: readonly number[], skipSpecial: boolean): string {
    return this.#handle.decode(Int32Array.from(ids.filter(isInt32)), skipSpecial);
  }

  piece(id: number): string | undefined {
    return isInt32(id) ? this.#handle.piece(id) : undefined;
  }
}

/** Larger ids are in no vocabulary. */
function isInt32(id: number): boolean {
  return id <= 0x7fff_ffff;
}
