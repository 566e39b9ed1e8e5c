/** A tokenizer whose ids are the bytes of the text, after a control token with the id 0. */
import { readFile } from "node:fs/promises";
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { TokenizerFile, TokenizerHandle } from "../../ts/contract/tokenizer.js";

export class FakeTokenizer implements TokenizerHandle {
  readonly vocabSize = 257;
  readonly #file: TokenizerFile;
  readonly #life = new Lifecycle("tokenizer", async () => {});

  private constructor(file: TokenizerFile) {
    this.#file = file;
  }

  static async create(source: string | TokenizerFile): Promise<FakeTokenizer> {
    if (typeof source !== "string") {
      const bytes = Uint8Array.from(source.bytes);
      if (source.kind === "tokenizer.json" && bytes[0] !== 0x7b) {
        throw codedError("ERR_MODEL_FORMAT", `${source.name}: not valid JSON`);
      }
      return new FakeTokenizer({ ...source, bytes });
    }
    const bytes = await readFile(source).catch((cause) => {
      throw codedError("ERR_FILE_NOT_FOUND", `${source}: ${cause.message}`);
    });
    return new FakeTokenizer({ kind: "sentencepiece", name: source, bytes: Uint8Array.from(bytes) });
  }

  get file(): TokenizerFile {
    this.#life.assertOpen();
    return { ...this.#file, bytes: Uint8Array.from(this.#file.bytes) };
  }

  encode(text: string): Int32Array {
    this.#life.assertOpen();
    return Int32Array.from(new TextEncoder().encode(text), (byte) => byte + 1);
  }

  decode(ids: Int32Array, skipSpecial: boolean): string {
    this.#life.assertOpen();
    const known = ids.filter((id) => id >= (skipSpecial ? 1 : 0) && id < this.vocabSize);
    const bytes = [...known].flatMap((id) => (id === 0 ? [...new TextEncoder().encode("<c>")] : [id - 1]));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  piece(id: number): string | undefined {
    this.#life.assertOpen();
    return id === 0 ? "<c>" : id > 0 && id < this.vocabSize ? `<0x${(id - 1).toString(16)}>` : undefined;
  }

  isSpecial(id: number): boolean {
    this.#life.assertOpen();
    return id === 0;
  }

  toJson(): string {
    this.#life.assertOpen();
    const vocab = Array.from({ length: this.vocabSize }, (_, id) => [this.piece(id), 0]);
    const added = { id: 0, content: "<c>", special: true, normalized: false };
    return JSON.stringify({ added_tokens: [added], model: { type: "Unigram", unk_id: null, vocab } });
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
