/** What the tokenizer class needs of a vocabulary, whatever file it came from. */
import { SttError } from "../contract/errors.js";
import type { TokenizerHandle } from "../contract/tokenizer.js";
import { TOKENIZER_FILE } from "./json-vocabulary.js";
import { warn } from "./logger.js";

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
    if (kind === "tokenizer.json") {
      return new Map([[TOKENIZER_FILE, new TextDecoder().decode(bytes)]]);
    }
    const base = name.replace(/^.*[\\/:]\s?/, "");
    const files = new Map<string, string | Uint8Array>([[base.endsWith(".model") ? base : "tokenizer.model", bytes]]);
    try {
      files.set(TOKENIZER_FILE, this.#handle.toJson());
    } catch (error) {
      if (!(error instanceof SttError && error.code === "ERR_MODEL_UNSUPPORTED")) {
        throw error;
      }
      warn(`The vocabulary is saved as a SentencePiece model only, which transformers does not load: ${error.message}`);
    }
    return files;
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
