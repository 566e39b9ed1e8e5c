/** Texts beside recordings in a call of the processor: to ids, as transformers' tokenizers do. */
import { Tensor } from "../tensor/tensor.js";
import { checkReturnTensors } from "./batch-feature.js";
import { checkBoolean, checkInteger, checkOptions, invalidArgument, show } from "./option-checks.js";
import type { KyutaiSpeechToTextTokenizer } from "./tokenizer.js";

/** Options of the processor that are for `text`. */
export interface TextOptions {
  /** false (default), true or "longest", "max_length". */
  padding?: boolean | string | null | undefined;
  /** Cuts to max_length. Default: false. */
  truncation?: boolean | null | undefined;
  /** Ids. */
  max_length?: number | null | undefined;
  /** "right" (default) or "left" of shorter texts. */
  padding_side?: string | null | undefined;
  /** Without effect: there are no tokens to begin or end a text with. */
  add_special_tokens?: boolean | null | undefined;
  /** Accepted for compatibility; results are always Tensors. */
  return_tensors?: string | null | undefined;
}

/** Those that a call takes outside of text_kwargs, too. */
export const TEXT_OPTIONS: readonly (keyof TextOptions)[] = [
  "padding",
  "truncation",
  "max_length",
  "padding_side",
  "add_special_tokens",
  "return_tensors",
];

/** [texts, ids] each. */
export interface TextFeatures {
  input_ids: Tensor<"int64">;
  /** 1: an id of the text. */
  attention_mask: Tensor<"int64">;
}

export function textFeatures(
  tokenizer: KyutaiSpeechToTextTokenizer,
  text: unknown,
  options: TextOptions,
): TextFeatures {
  checkOptions("text_kwargs", options, TEXT_OPTIONS);
  const texts: unknown[] = Array.isArray(text) ? text : [text];
  if (texts.length === 0 || !texts.every((one): one is string => typeof one === "string")) {
    throw invalidArgument(
      `text input must be of type \`str\` (single example) or \`list[str]\` (batch), not ${show(text)}`,
      "Pass a text, or a list of texts.",
    );
  }
  const { padding, truncation, max_length: limit, padding_side: side } = options;
  checkBoolean("truncation", truncation ?? undefined);
  checkInteger("max_length", limit ?? undefined, 1, 2 ** 31 - 1);
  checkReturnTensors(options.return_tensors);
  if (side !== undefined && side !== null && side !== "right" && side !== "left") {
    throw invalidArgument(`'padding_side' must be "right" or "left", not ${show(side)}`);
  }
  const rows = texts.map((one) => tokenizer.encode(one));
  const cut = truncation === true && typeof limit === "number" ? rows.map((row) => row.slice(0, limit)) : rows;
  const length = paddedLength(cut, padding ?? false, limit ?? undefined);
  const shortest = Math.min(...cut.map((row) => row.length));
  const longest = Math.max(...cut.map((row) => row.length));
  if (longest > length || (shortest < longest && !isPadded(padding ?? false))) {
    throw invalidArgument(
      "Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True' " +
        "'truncation=True' to have batched tensors with the same length.",
      "Pass text_kwargs: { padding: true }.",
    );
  }
  const { pad_token_id: pad } = tokenizer;
  if (shortest < length && pad === undefined) {
    throw invalidArgument("Asking to pad but the tokenizer does not have a padding token.", "Pass texts one by one.");
  }
  const shape = [cut.length, length];
  const fill = (row: readonly number[], filler: number): number[] => {
    const rest = Array.from({ length: length - row.length }, () => filler);
    return side === "left" ? [...rest, ...row] : [...row, ...rest];
  };
  const toTensor = (values: readonly number[][]): Tensor<"int64"> =>
    new Tensor("int64", BigInt64Array.from(values.flat(), BigInt), shape);
  return {
    input_ids: toTensor(cut.map((row) => fill(row, pad ?? 0))),
    attention_mask: toTensor(
      cut.map((row) =>
        fill(
          row.map(() => 1),
          0,
        ),
      ),
    ),
  };
}

function isPadded(padding: boolean | string): boolean {
  return padding === true || padding === "longest" || padding === "max_length";
}

function paddedLength(rows: readonly number[][], padding: boolean | string, limit: number | undefined): number {
  if (!isPadded(padding) && padding !== false && padding !== "do_not_pad") {
    throw invalidArgument(
      `${show(padding)} is not a valid PaddingStrategy, please select one of ['longest', 'max_length', 'do_not_pad']`,
    );
  }
  const longest = Math.max(...rows.map((row) => row.length));
  return padding === "max_length" && limit !== undefined ? Math.max(limit, longest) : longest;
}
