import { SttError } from "../contract/errors.js";
import type { TokenizerFile, TokenizerHandle } from "../contract/tokenizer.js";
import { Tensor } from "../tensor/tensor.js";
import { JsonVocabulary, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, tokenizerConfig } from "./json-vocabulary.js";
import {
  findModelPath,
  type ModelLocation,
  missingFile,
  readModelText,
  toPath,
  writeModelFile,
} from "./model-folder.js";
import { checkBoolean, checkOptions, invalidArgument, show } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";
import { openBackend } from "./runtime.js";
import { CoreVocabulary, type Vocabulary } from "./vocabulary.js";

/** Ids of one sequence, as generate() gives them or as plain numbers. */
export type TokenIds = readonly number[] | readonly bigint[] | Int32Array | BigInt64Array | Tensor;

/** Options of decode() and batch_decode(). */
export interface DecodeOptions {
  /** Leave out <unk>, <s>, </s> and <pad>. Default false: they are shown as the vocabulary's own library does. */
  skip_special_tokens?: boolean | undefined;
  /** Remove the space before punctuation, as old tokenizers need it. Default: as tokenizer_config.json says. */
  clean_up_tokenization_spaces?: boolean | undefined;
}

const DECODE_OPTIONS: readonly (keyof DecodeOptions)[] = ["skip_special_tokens", "clean_up_tokenization_spaces"];

/**
 * The tokenizer of a checkpoint: ids to text and text to ids, from tokenizer.json (results as transformers'), from a
 * SentencePiece model (results as sentencepiece's) or from what a GGUF file holds.
 */
export class KyutaiSpeechToTextTokenizer {
  readonly #vocabulary: Vocabulary;
  /** What encodes; or why nothing does. */
  readonly #encoder: TokenizerHandle | SttError;

  private constructor(vocabulary: Vocabulary, encoder: TokenizerHandle | SttError) {
    this.#vocabulary = vocabulary;
    this.#encoder = encoder;
  }

  /**
   * `location`: a folder with tokenizer.json (and tokenizer_config.json, where there is one) or, without it, one .model
   * file; or a .gguf file.
   *
   * Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT (a damaged vocabulary),
   * ERR_MODEL_UNSUPPORTED, and for a model of the Hub as downloadModel does.
   */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedOptions = {},
  ): Promise<KyutaiSpeechToTextTokenizer> {
    const { path } = await findModelPath(location, smallFileOptions(options));
    const text = path.endsWith(".gguf") ? undefined : await readModelText(path, TOKENIZER_FILE);
    if (text === undefined) {
      return KyutaiSpeechToTextTokenizer.#fromCore(path).catch((error: unknown) => {
        const hasNoCore = error instanceof SttError && error.code === "ERR_BACKEND_UNAVAILABLE";
        throw hasNoCore ? missingFile(path, TOKENIZER_FILE) : error;
      });
    }
    const config = await readModelText(path, TOKENIZER_CONFIG_FILE);
    const vocabulary = new JsonVocabulary(text, config, path);
    const bytes = new TextEncoder().encode(text);
    // Decoding needs no core: without one, only encode fails, and says why.
    const encoder = await openTokenizer({ kind: TOKENIZER_FILE, name: `${path}: ${TOKENIZER_FILE}`, bytes }).catch(
      (error: unknown) => {
        if (error instanceof SttError) {
          return error;
        }
        throw error;
      },
    );
    return new KyutaiSpeechToTextTokenizer(vocabulary, encoder);
  }

  /**
   * `location`: a SentencePiece .model file, a tokenizer.json or a .gguf file. Rejects with ERR_INVALID_ARGUMENT,
   * ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED, ERR_BACKEND_UNAVAILABLE.
   */
  static async from_file(location: string | URL): Promise<KyutaiSpeechToTextTokenizer> {
    return KyutaiSpeechToTextTokenizer.#fromCore(await toPath(location));
  }

  static async #fromCore(path: string): Promise<KyutaiSpeechToTextTokenizer> {
    const handle = await openTokenizer(path);
    return new KyutaiSpeechToTextTokenizer(new CoreVocabulary(handle), handle);
  }

  /** Number of ids: one more than the highest. */
  get vocab_size(): number {
    return this.#vocabulary.size;
  }

  /** The id that fills up a row; undefined: the vocabulary has no "<pad>". */
  get pad_token_id(): number | undefined {
    for (let id = 0; id < this.vocab_size; id++) {
      if (this.#vocabulary.piece(id) === "<pad>") {
        return id;
      }
    }
    return undefined;
  }

  /**
   * Ids of a text, without begin or end tokens, e.g. for a prompt. Throws ERR_INVALID_ARGUMENT; where the core could not
   * be loaded, or cannot encode with this vocabulary, ERR_BACKEND_UNAVAILABLE or ERR_MODEL_UNSUPPORTED.
   */
  encode(text: string): number[] {
    if (typeof text !== "string") {
      throw invalidArgument(`encode takes a text, not ${show(text)}`);
    }
    if (this.#encoder instanceof SttError) {
      throw this.#encoder;
    }
    return [...this.#encoder.encode(text)];
  }

  /**
   * Text of one sequence, [ids]; a list of texts for a batch, [rows, ids], as in transformers 5. Ids outside the
   * vocabulary, such as the published start id 48000, are left out. Throws ERR_INVALID_ARGUMENT for anything but whole
   * numbers from 0, and for unknown options.
   */
  decode(ids: Exclude<TokenIds, Tensor>, options?: DecodeOptions): string;
  /** Of a list of sequences: a list of texts. */
  decode(batch: readonly TokenIds[], options?: DecodeOptions): string[];
  /** Of a tensor: one text or several, which its shape tells. */
  decode(ids: TokenIds | readonly TokenIds[], options?: DecodeOptions): string | string[];
  decode(ids: TokenIds | readonly TokenIds[], options: DecodeOptions = {}): string | string[] {
    return isBatch(ids) ? this.batch_decode(ids, options) : this.#decode(ids, options);
  }

  #decode(ids: TokenIds, options: DecodeOptions): string {
    checkOptions("decode", options, DECODE_OPTIONS);
    for (const name of DECODE_OPTIONS) {
      checkBoolean(name, options[name] ?? undefined);
    }
    const text = this.#vocabulary.decode(toNumbers(ids), options.skip_special_tokens === true);
    return (options.clean_up_tokenization_spaces ?? this.#vocabulary.cleansUp) ? cleanUp(text) : text;
  }

  /** Texts of several sequences: the rows of a tensor [rows, ids] or of a list. Throws as decode(). */
  batch_decode(batch: Tensor | readonly TokenIds[], options: DecodeOptions = {}): string[] {
    // Another library's tensor need not be iterable.
    const whole = Tensor.isLike(batch) ? Tensor.from(batch) : batch;
    if (!(whole instanceof Tensor) && !Array.isArray(whole)) {
      throw invalidArgument(
        `batch_decode takes a list of sequences, not ${show(whole)}`,
        "Pass a list of lists of ids.",
      );
    }
    const rows: readonly TokenIds[] = whole instanceof Tensor && whole.dims.length === 1 ? [whole] : [...whole];
    return rows.map((row) => {
      if (typeof row !== "object" || row === null) {
        throw invalidArgument(
          `batch_decode takes a list of sequences, not ${show(row)}`,
          "Use decode for one sequence.",
        );
      }
      return this.#decode(row, options);
    });
  }

  /** Pieces of ids as the vocabulary has them ("\u2581the", "<0xC3>"); undefined for ids outside. */
  convert_ids_to_tokens(ids: TokenIds): (string | undefined)[] {
    return toNumbers(ids).map((id) => this.#vocabulary.piece(id));
  }

  /**
   * Writes tokenizer.json and tokenizer_config.json, which transformers loads; of a SentencePiece model the .model file
   * too. Rejects with ERR_FILE_ACCESS or ERR_DISK_FULL.
   */
  async save_pretrained(folder: string): Promise<void> {
    const files = new Map(this.#vocabulary.files);
    const json = files.get(TOKENIZER_FILE);
    if (typeof json === "string" && !files.has(TOKENIZER_CONFIG_FILE)) {
      files.set(TOKENIZER_CONFIG_FILE, tokenizerConfig(json));
    }
    for (const [name, content] of files) {
      await writeModelFile(folder, name, content);
    }
  }
}

async function openTokenizer(source: string | TokenizerFile): Promise<TokenizerHandle> {
  const { backend } = await openBackend();
  return backend.createTokenizer(source);
}

/** A tensor with rows, or a list whose entries are no numbers. */
function isBatch(ids: TokenIds | readonly TokenIds[]): ids is Tensor | readonly TokenIds[] {
  return Tensor.isLike(ids) ? ids.dims.length === 2 : Array.isArray(ids) && typeof ids[0] === "object";
}

function toNumbers(ids: TokenIds): number[] {
  if (Tensor.isLike(ids) && ids.dims.length > 1) {
    throw invalidArgument(
      `token ids are a sequence or a batch of them, not a tensor of shape [${ids.dims.join(", ")}]`,
      "Pass [ids] or [rows, ids].",
    );
  }
  const data: unknown = Tensor.isLike(ids) ? ids.data : ids;
  // Array.from makes nothing of a bare number, and no text would come out of it.
  if (!Array.isArray(data) && !(ArrayBuffer.isView(data) && !(data instanceof DataView))) {
    throw invalidArgument(`token ids are an array or a tensor, not ${show(data)}`, "Put a single id into an array.");
  }
  return Array.from(data as ArrayLike<number | bigint>, (value) => {
    const id = typeof value === "bigint" ? Number(value) : value;
    if (!Number.isSafeInteger(id) || id < 0) {
      throw invalidArgument(`token ids are integers from 0, not ${show(value)}`);
    }
    return id;
  });
}

function cleanUp(text: string): string {
  return text
    .replace(/ ([.?!,])/g, "$1")
    .replace(/ ' /g, "'")
    .replace(/ (n't|'m|'s|'ve|'re)/g, "$1");
}
