import { Tokenizer } from "@huggingface/tokenizers";
import { SttError } from "../contract/errors.js";
import {
  findModel,
  type ModelLocation,
  missingFile,
  parseJsonObject,
  readModelText,
  writeModelJson,
} from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";
import { Tensor } from "./tensor.js";

/** Ids of one sequence, as generate() gives them or as plain numbers. */
export type TokenIds = readonly number[] | readonly bigint[] | Int32Array | BigInt64Array | Tensor;

export interface DecodeOptions {
  /** Leave out <unk>, <s>, </s> and <pad>. Default false. */
  skip_special_tokens?: boolean | undefined;
  /** Remove the space before punctuation, as old tokenizers need it. Default: as tokenizer_config.json says. */
  clean_up_tokenization_spaces?: boolean | undefined;
}

const TOKENIZER_FILE = "tokenizer.json";
const CONFIG_FILE = "tokenizer_config.json";

/** The tokenizer of a checkpoint folder, for ids to text. */
export class KyutaiSpeechToTextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #files: Readonly<Record<string, string>>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #cleanUp: boolean;
  readonly #byteFallback: boolean;

  private constructor(tokenizer: Tokenizer, files: Readonly<Record<string, string>>, cleanUp: boolean) {
    this.#tokenizer = tokenizer;
    this.#files = files;
    this.#cleanUp = cleanUp;
    this.#byteFallback = (files[TOKENIZER_FILE] ?? "").includes('"ByteFallback"');
    const added = [...tokenizer.get_added_tokens_decoder()];
    this.#specialIds = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
  }

  /** Reads tokenizer.json and, where there is one, tokenizer_config.json. */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedOptions = {},
  ): Promise<KyutaiSpeechToTextTokenizer> {
    const folder = await findModel(location, smallFileOptions(options));
    const text = await readModelText(folder, TOKENIZER_FILE);
    if (text === undefined) {
      throw missingFile(folder, TOKENIZER_FILE);
    }
    const configText = await readModelText(folder, CONFIG_FILE);
    const config = configText === undefined ? {} : parseJsonObject(configText, `${folder}: ${CONFIG_FILE}`);
    const tokenizer = createTokenizer(parseJsonObject(text, `${folder}: ${TOKENIZER_FILE}`), config, folder);
    const files = { [TOKENIZER_FILE]: text, ...(configText === undefined ? {} : { [CONFIG_FILE]: configText }) };
    return new KyutaiSpeechToTextTokenizer(tokenizer, files, config["clean_up_tokenization_spaces"] === true);
  }

  /** Text of one sequence. Ids outside the vocabulary, such as the published start id 48000, are left out. */
  decode(ids: TokenIds, options: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (const id of toNumbers(ids)) {
      const token = this.#tokenizer.id_to_token(id);
      if (token !== undefined && !(options.skip_special_tokens && this.#specialIds.has(id))) {
        tokens.push(token);
      }
    }
    const decoder = this.#tokenizer.decoder as ((tokens: string[]) => string) | null;
    const pieces = this.#byteFallback ? joinBytes(tokens) : tokens;
    const text = decoder === null ? pieces.join(" ") : decoder(pieces);
    return (options.clean_up_tokenization_spaces ?? this.#cleanUp) ? cleanUp(text) : text;
  }

  /** Texts of several sequences: the rows of a tensor or of a list. */
  batch_decode(batch: Tensor | readonly TokenIds[], options: DecodeOptions = {}): string[] {
    const rows = batch instanceof Tensor && batch.dims.length === 1 ? [batch] : [...batch];
    return rows.map((row) => {
      if (typeof row !== "object" || row === null) {
        throw invalidArgument(
          `batch_decode takes a list of sequences, not ${show(row)}`,
          "Use decode for one sequence.",
        );
      }
      return this.decode(row, options);
    });
  }

  async save_pretrained(folder: string): Promise<void> {
    for (const [name, text] of Object.entries(this.#files)) {
      await writeModelJson(folder, name, text);
    }
  }
}

function createTokenizer(json: Record<string, unknown>, config: Record<string, unknown>, folder: string): Tokenizer {
  try {
    return new Tokenizer(json, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SttError("ERR_MODEL_FORMAT", `${folder}: ${TOKENIZER_FILE} cannot be used (${reason})`, {
      remedy: "Download the file again, or save it anew with transformers.",
      cause,
    });
  }
}

function toNumbers(ids: TokenIds): number[] {
  if (ids instanceof Tensor && ids.dims.length > 1) {
    throw invalidArgument(
      `decode takes one sequence, not a tensor of shape [${ids.dims.join(", ")}]`,
      "Use batch_decode for the rows of a batch.",
    );
  }
  const values: readonly (number | bigint)[] = Array.from<number | bigint>(ids instanceof Tensor ? ids.data : ids);
  return values.map((value) => {
    const id = typeof value === "bigint" ? Number(value) : value;
    if (!Number.isSafeInteger(id) || id < 0) {
      throw invalidArgument(`token ids are integers from 0, not ${show(value)}`);
    }
    return id;
  });
}

/**
 * Runs of <0xNN> pieces to text. The library's own decoder replaces a broken run by one U+FFFD per bad sequence,
 * the tokenizers of Python by one per byte.
 */
function joinBytes(tokens: readonly string[]): string[] {
  const pieces: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) {
      pieces.push(decodeUtf8(bytes));
      bytes = [];
    }
  };
  for (const token of tokens) {
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (hex === undefined) {
      flush();
      pieces.push(token);
    } else {
      bytes.push(Number.parseInt(hex, 16));
    }
  }
  flush();
  return pieces;
}

function decodeUtf8(bytes: readonly number[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return "\uFFFD".repeat(bytes.length);
  }
}

function cleanUp(text: string): string {
  return text
    .replace(/ ([.?!,])/g, "$1")
    .replace(/ ' /g, "'")
    .replace(/ (n't|'m|'s|'ve|'re)/g, "$1");
}
