import { expect, it } from "vitest";
import type { TokenizerFile } from "../../ts/contract/tokenizer.js";
import { expectCode, type Subject } from "./subject.js";

/** test/fixtures/tokenizer/bpe-identity.model, where the subject finds it. */
export interface Vocabulary {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** A path beside it where nothing is. */
  readonly missing: string;
}

export function testTokenizer(subject: Subject, vocabulary: Vocabulary): void {
  const { path } = vocabulary;

  it("turns text into ids and ids into the same text", async () => {
    const tokenizer = await (await subject.open()).createTokenizer(path);
    for (const text of ["", "the cat", "crème brûlée, 😀 naïve", "a".repeat(5000)]) {
      const ids = tokenizer.encode(text);
      expect(ids).toBeInstanceOf(Int32Array);
      expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
      expect(tokenizer.decode(ids, false)).toBe(text);
      expect(tokenizer.decode(Int32Array.from([0, -1, ...ids, 2_000_000_000, 0]), true)).toBe(text);
    }
    expect(tokenizer.isSpecial(0)).toBe(true);
    expect(tokenizer.isSpecial(200)).toBe(false);
    expect(tokenizer.piece(0)).toMatch(/^<.+>$/);
    expect(tokenizer.piece(tokenizer.vocabSize)).toBeUndefined();
    expect(tokenizer.piece(-1)).toBeUndefined();
    await tokenizer.dispose();
  });

  it("copies the bytes it is made from, and gives them back", async () => {
    const bytes = Uint8Array.from(vocabulary.bytes);
    const source: TokenizerFile = { kind: "sentencepiece", name: "a vocabulary", bytes };
    const creation = (await subject.open()).createTokenizer(source);
    const original = Uint8Array.from(bytes);
    bytes.fill(0);
    const tokenizer = await creation;
    expect(tokenizer.file).toEqual({ ...source, bytes: original });
    await tokenizer.dispose();
  });

  it("reports what it cannot read", async () => {
    const backend = await subject.open();
    await expectCode(backend.createTokenizer(vocabulary.missing), "ERR_FILE_NOT_FOUND");
    const bytes = new TextEncoder().encode("no JSON");
    await expectCode(backend.createTokenizer({ kind: "tokenizer.json", name: "bad", bytes }), "ERR_MODEL_FORMAT");
  });

  it("refuses calls once it is disposed", async () => {
    const tokenizer = await (await subject.open()).createTokenizer(path);
    await Promise.all([tokenizer.dispose(), tokenizer.dispose()]);
    await expectCode(() => tokenizer.encode("a"), "ERR_DISPOSED");
    await expectCode(() => tokenizer.decode(new Int32Array(1), false), "ERR_DISPOSED");
    await expectCode(() => tokenizer.piece(0), "ERR_DISPOSED");
    await expectCode(() => tokenizer.file, "ERR_DISPOSED");
  });
}
