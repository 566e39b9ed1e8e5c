/** What a backend offers for vocabularies; a part of the contract in backend.ts. kstt-tokenizer.h, same meanings. */

/** Index = KSTT_TOKENIZER_*. */
export const TOKENIZER_KINDS = ["tokenizer.json", "sentencepiece"] as const;

export type TokenizerKind = (typeof TOKENIZER_KINDS)[number];

/** The bytes of a vocabulary; `name` stands for the file in errors. */
export interface TokenizerFile {
  readonly kind: TokenizerKind;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Does not change; its calls take no longer than a look-up and answer in place. */
export interface TokenizerHandle {
  readonly vocabSize: number;
  /** What it was made from; `name` is a path where that was a file. */
  readonly file: TokenizerFile;
  /** Ids without begin or end tokens. */
  encode(text: string): Int32Array;
  /** Ids outside the vocabulary are left out; with skipSpecial unknown and control tokens too. */
  decode(ids: Int32Array, skipSpecial: boolean): string;
  /** As the vocabulary has it, with U+2581 for a space; undefined: there is none. */
  piece(id: number): string | undefined;
  isSpecial(id: number): boolean;
  /** As tokenizer.json: as it is, or what transformers makes of a SentencePiece model; ERR_MODEL_UNSUPPORTED. */
  toJson(): string;
  dispose(): Promise<void>;
}
