/** Padding and truncation of a batch, as SequenceFeatureExtractor.pad of transformers does it. */
import { checkInteger, invalidArgument, show } from "./option-checks.js";

export type PaddingStrategy = "longest" | "max_length" | "do_not_pad";

export interface PaddingPlan {
  readonly strategy: PaddingStrategy;
  readonly truncation: boolean;
  readonly maxLength: number | undefined;
  readonly padToMultipleOf: number | undefined;
}

/** Where one row's samples go. */
export interface PaddedRow {
  /** Samples kept from the start of the recording. */
  readonly kept: number;
  /** Length with padding. */
  readonly length: number;
}

/** Options of a padding call, by their names there. */
export interface PaddingOptions {
  /** true or "longest" (default), "max_length", false or "do_not_pad". */
  padding?: boolean | string | null | undefined;
  /** Cuts to max_length. */
  truncation?: boolean | null | undefined;
  /** Samples. */
  max_length?: number | null | undefined;
  /** Rounds lengths up, and those of truncation, too. */
  pad_to_multiple_of?: number | null | undefined;
}

/** Checked options; `paddingValue` null: the feature extractor has none, and may not pad. */
export function readPaddingPlan(options: PaddingOptions, paddingValue: number | null): PaddingPlan {
  checkInteger("max_length", options.max_length ?? undefined, 0, Number.MAX_SAFE_INTEGER);
  checkInteger("pad_to_multiple_of", options.pad_to_multiple_of ?? undefined, 1, Number.MAX_SAFE_INTEGER);
  const strategy = paddingStrategy(options.padding ?? true);
  if (strategy !== "do_not_pad" && paddingValue === null) {
    throw invalidArgument(
      "Asking to pad but the feature_extractor does not have a padding value. Please select a value to use as `padding_value`.",
      "For example: `feature_extractor.padding_value = 0.0`.",
    );
  }
  return {
    strategy,
    truncation: options.truncation ?? false,
    maxLength: options.max_length ?? undefined,
    padToMultipleOf: options.pad_to_multiple_of ?? undefined,
  };
}

const STRATEGIES: readonly PaddingStrategy[] = ["longest", "max_length", "do_not_pad"];

function paddingStrategy(padding: boolean | string): PaddingStrategy {
  if (padding === true) {
    return "longest";
  }
  if (padding === false) {
    return "do_not_pad";
  }
  const strategy = STRATEGIES.find((name) => name === padding);
  if (strategy === undefined) {
    throw invalidArgument(
      `${show(padding)} is not a valid PaddingStrategy, please select one of [${STRATEGIES.join(", ")}]`,
    );
  }
  return strategy;
}

export function planRows(lengths: readonly number[], plan: PaddingPlan): PaddedRow[] {
  if (plan.strategy === "max_length" && plan.maxLength === undefined) {
    throw invalidArgument("When setting padding='max_length', make sure that max_length is defined");
  }
  if (plan.truncation && plan.maxLength === undefined) {
    throw invalidArgument("When setting truncation=true, make sure that max_length is defined");
  }
  const kept = lengths.map((length) => (plan.truncation ? truncated(length, plan) : length));
  const target = plan.strategy === "longest" ? Math.max(...kept) : plan.maxLength;
  return kept.map((length) => ({
    kept: length,
    length:
      plan.strategy === "do_not_pad" || target === undefined
        ? length
        : Math.max(length, roundUp(target, plan.padToMultipleOf)),
  }));
}

function truncated(length: number, { maxLength = 0, padToMultipleOf }: PaddingPlan): number {
  const limit = roundUp(maxLength, padToMultipleOf);
  // A chunk plan can ask for less than nothing; Python's slice [:limit] then counts from the end.
  return limit < 0 ? Math.max(length + limit, 0) : Math.min(length, limit);
}

function roundUp(length: number, multiple: number | undefined): number {
  return multiple === undefined ? length : Math.ceil(length / multiple) * multiple;
}
