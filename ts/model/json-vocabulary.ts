/** tokenizer.json through @huggingface/tokenizers, with the behaviour of transformers where the two differ. */
import { Tokenizer } from "@huggingface/tokenizers";
import { SttError } from "../contract/errors.js";
import { parseJsonObject, toSortedJson } from "./model-folder.js";
import type { Vocabulary } from "./vocabulary.js";

export const TOKENIZER_FILE = "tokenizer.json";
export const TOKENIZER_CONFIG_FILE = "tokenizer_config.json";

export class JsonVocabulary implements Vocabulary {
  readonly files: ReadonlyMap<string, string>;
  readonly cleansUp: boolean;
  readonly size: number;
  readonly #tokenizer: Tokenizer;
  readonly #specialIds: ReadonlySet<number>;
  readonly #byteFallback: boolean;

  /** `config`: the text of tokenizer_config.json, where there is one. `folder` names both in errors. */
  constructor(text: string, config: string | undefined, folder: string) {
    const settings = config === undefined ? {} : parseJsonObject(config, `${folder}: ${TOKENIZER_CONFIG_FILE}`);
    const json = parseJsonObject(text, `${folder}: ${TOKENIZER_FILE}`);
    this.#tokenizer = createTokenizer(json, settings, folder);
    this.files = new Map([
      [TOKENIZER_FILE, text],
      ...(config === undefined ? [] : ([[TOKENIZER_CONFIG_FILE, config]] as const)),
    ]);
    this.cleansUp = settings["clean_up_tokenization_spaces"] === true;
    this.#byteFallback = text.includes('"ByteFallback"');
    const added = [...this.#tokenizer.get_added_tokens_decoder()];
    this.#specialIds = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
    this.size = sizeOf(
      json,
      added.map(([id]) => id),
    );
  }

  decode(ids: readonly number[], skipSpecial: boolean): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokenizer.id_to_token(id);
      if (token !== undefined && !(skipSpecial && this.#specialIds.has(id))) {
        tokens.push(token);
      }
    }
    const decoder = this.#tokenizer.decoder as ((tokens: string[]) => string) | null;
    const pieces = this.#byteFallback ? joinBytes(tokens) : tokens;
    return decoder === null ? pieces.join(" ") : decoder(pieces);
  }

  piece(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }
}

/** One more than the highest id. */
function sizeOf(json: Record<string, unknown>, addedIds: readonly number[]): number {
  const { vocab } = json["model"] as { vocab: unknown[] | Record<string, number> };
  const ids = Array.isArray(vocab) ? [vocab.length - 1] : Object.values(vocab);
  return [...ids, ...addedIds].reduce((most, id) => Math.max(most, id), -1) + 1;
}

/** Special tokens by the names that sentencepiece gives them. */
const SPECIAL_NAMES = { bos_token: "<s>", eos_token: "</s>", pad_token: "<pad>" } as const;

/** What "no limit" is in transformers. */
const NO_LIMIT = "1000000000000000019884624838656";

/** Text of the tokenizer_config.json that transformers wants beside a tokenizer.json. */
export function tokenizerConfig(json: string): string {
  const { added_tokens: added, model } = JSON.parse(json) as {
    added_tokens?: readonly { content: string }[];
    model: { unk_id?: number | null; unk_token?: string | null; vocab: unknown };
  };
  const names = new Set(added?.map(({ content }) => content));
  const byId = Array.isArray(model.vocab) && typeof model.unk_id === "number" ? model.vocab[model.unk_id] : undefined;
  const unknown: unknown = model.unk_token ?? (Array.isArray(byId) ? byId[0] : undefined);
  const config = {
    clean_up_tokenization_spaces: false,
    model_max_length: NO_LIMIT,
    processor_class: "KyutaiSpeechToTextProcessor",
    tokenizer_class: "PreTrainedTokenizerFast",
    ...Object.fromEntries(Object.entries(SPECIAL_NAMES).filter(([, name]) => names.has(name))),
    ...(typeof unknown === "string" ? { unk_token: unknown } : {}),
  };
  return toSortedJson(config).replace(`"${NO_LIMIT}"`, NO_LIMIT);
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
