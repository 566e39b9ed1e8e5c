/** Checks the arguments of forward() and brings them to the form of the core. */
import type { ForwardInputs } from "../contract/forward.js";
import { Tensor, type TensorLike } from "../tensor/tensor.js";
import { isFloat } from "../tensor/tensor-types.js";
import type { AnyForwardOptions, IdTensor } from "./forward-options.js";
import { checkInteger, invalidArgument, show } from "./option-checks.js";

/** What the shapes of arguments depend on. */
export interface ForwardShape {
  readonly codebooks: number;
  readonly hiddenSize: number;
  readonly heads: number;
  /** Positions that the cache has seen, and how many of them it keeps. */
  readonly seen: number;
  readonly stored: number;
  /** past_key_values were given. */
  readonly hasPast: boolean;
}

type Kept = Pick<ForwardInputs, "logits" | "keep">;
type Core = Pick<ForwardInputs, "rows" | "length" | "streams" | "ids" | "embeds">;

const INT32_MAX = 2n ** 31n - 1n;

/** `logits`: whether the head is asked for. */
export function readForwardInputs(options: AnyForwardOptions, shape: ForwardShape, logits: boolean): ForwardInputs {
  const core = readCore(options, shape);
  const positions = readPositions(options, core, shape);
  const kept = logits ? readKept(options.logits_to_keep, core.length) : { logits: false };
  const labels = readLabels(options, core.rows, kept.keep?.length ?? core.length);
  return {
    ...core,
    positions,
    packed: isGiven(options.position_ids) && !isGiven(options.attention_mask) && !shape.hasPast,
    ...readMask(options.attention_mask, core, shape),
    ...kept,
    ...labels,
    hiddenStates: false,
    attentions: false,
  };
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function isIds(value: unknown): value is IdTensor {
  return Tensor.isLike(value) && !isFloat(value.type);
}

/** Batch rows of the input, before anything else is known. */
export function rowsOf(options: AnyForwardOptions): number {
  const input: unknown = options.input_ids ?? options.inputs_embeds;
  return Tensor.isLike(input) ? (input.dims[0] ?? 0) : 0;
}

function readCore({ input_ids, inputs_embeds }: AnyForwardOptions, shape: ForwardShape): Core {
  if (isGiven(input_ids) === isGiven(inputs_embeds)) {
    throw invalidArgument("You must specify exactly one of input_ids or inputs_embeds");
  }
  if (isGiven(inputs_embeds)) {
    const { hiddenSize } = shape;
    if (!Tensor.isLike(inputs_embeds) || inputs_embeds.type !== "float32") {
      throw invalidArgument(`inputs_embeds must be a float32 tensor, not ${describe(inputs_embeds)}`);
    }
    const [rows = 0, length = 0, width = 0] = inputs_embeds.dims;
    if (inputs_embeds.dims.length !== 3 || width !== hiddenSize || rows * length === 0) {
      throw badShape("inputs_embeds", `[batch, positions, ${hiddenSize}]`, inputs_embeds);
    }
    return { rows, length, streams: 1, embeds: inputs_embeds.data };
  }
  if (!isIds(input_ids)) {
    throw invalidArgument(`input_ids must be a tensor of whole numbers, not ${describe(input_ids)}`);
  }
  const streams = input_ids.dims.length === 2 ? 1 : (input_ids.dims[2] ?? 0);
  const [rows = 0, length = 0] = input_ids.dims;
  const known = input_ids.dims.length === 2 || (input_ids.dims.length === 3 && streams === 1 + shape.codebooks);
  if (!known || rows * length === 0) {
    throw badShape("input_ids", `[batch, positions, ${1 + shape.codebooks}] or [batch, positions]`, input_ids);
  }
  return { rows, length, streams, ids: toInt32(input_ids, "input_ids") };
}

function readPositions(
  options: AnyForwardOptions,
  { rows, length }: Core,
  { seen }: ForwardShape,
): BigInt64Array | undefined {
  const { position_ids: ids, cache_position: places } = options;
  if (isGiven(places)) {
    if (!isIds(places) || places.dims.length !== 1 || places.data.length !== length) {
      throw badShape("cache_position", `[${length}]`, places);
    }
    const wrong = Array.from(places.data, Number).findIndex((place, index) => place !== seen + index);
    if (wrong !== -1) {
      throw invalidArgument(
        `cache_position[${wrong}] is ${places.data[wrong]}, but new positions can only follow the ${seen} that the ` +
          "cache has seen",
        "Leave it out; use position_ids for other rotary positions.",
      );
    }
  }
  if (!isGiven(ids)) {
    return undefined;
  }
  const given = isIds(ids) ? ids.data.length : 0;
  const batch = isIds(ids) && ids.dims.length === 2 ? (ids.dims[0] ?? 0) : 1;
  const fits = isIds(ids) && ids.dims.length <= 2 && ids.dims.at(-1) === length && (batch === 1 || batch === rows);
  if (!fits) {
    throw badShape("position_ids", `[${rows}, ${length}], [1, ${length}] or [${length}]`, ids);
  }
  return BigInt64Array.from({ length: rows * length }, (_, index) => BigInt(ids.data[index % given] ?? 0));
}

function readMask(
  mask: TensorLike | null | undefined,
  { rows, length }: Core,
  { seen, stored, heads }: ForwardShape,
): Pick<ForwardInputs, "mask" | "bias" | "biasRows" | "biasHeads"> {
  const none = { biasRows: 1, biasHeads: 1 };
  if (!isGiven(mask)) {
    return none;
  }
  const wanted = `[${rows}, ${seen + length}]${seen > 0 ? ` (${seen} positions before, ${length} new ones)` : ""}`;
  if (!Tensor.isLike(mask)) {
    throw invalidArgument(`attention_mask must be a tensor ${wanted}, not ${describe(mask)}`);
  }
  if (mask.dims.length === 2) {
    if (mask.dims[0] !== rows || mask.dims[1] !== seen + length) {
      throw badShape("attention_mask", wanted, mask);
    }
    return {
      ...none,
      mask: Uint8Array.from({ length: mask.data.length }, (_, i) => (Number(mask.data[i]) === 0 ? 0 : 1)),
    };
  }
  const [biasRows = 0, biasHeads = 0, queries, keys] = mask.dims;
  const fits = mask.dims.length === 4 && queries === length && keys === stored + length;
  if (!fits || (biasRows !== 1 && biasRows !== rows) || (biasHeads !== 1 && biasHeads !== heads)) {
    throw badShape("attention_mask", `${wanted} or [1 or ${rows}, 1 or ${heads}, ${length}, ${stored + length}]`, mask);
  }
  if (mask.type === "float32") {
    return { bias: mask.data as Float32Array, biasRows, biasHeads };
  }
  const hidden = (index: number): number => (Number(mask.data[index]) === 0 ? Number.NEGATIVE_INFINITY : 0);
  return { bias: Float32Array.from({ length: mask.data.length }, (_, index) => hidden(index)), biasRows, biasHeads };
}

function readKept(keep: AnyForwardOptions["logits_to_keep"], length: number): Kept {
  if (!isGiven(keep) || keep === 0) {
    return { logits: true };
  }
  if (typeof keep === "number") {
    checkInteger("logits_to_keep", keep, 0, 2 ** 31 - 1);
    const first = Math.max(0, length - keep);
    return { logits: true, keep: Int32Array.from({ length: length - first }, (_, index) => first + index) };
  }
  const list = isIds(keep) && keep.dims.length === 1 ? Array.from(keep.data, Number) : keep;
  if (!Array.isArray(list)) {
    throw invalidArgument(`logits_to_keep must be a number or a list of positions, not ${describe(keep)}`);
  }
  for (const position of list) {
    checkInteger("logits_to_keep", position, -length, length - 1);
  }
  return {
    logits: list.length > 0,
    keep: Int32Array.from(list, (position) => (position < 0 ? position + length : position)),
  };
}

function readLabels(
  options: AnyForwardOptions,
  rows: number,
  kept: number,
): Pick<ForwardInputs, "labels" | "labelsShifted" | "ignoreIndex" | "lossItems"> {
  const { labels, shift_labels: shifted, num_items_in_batch: items } = options;
  const ignoreIndex = options.ignore_index ?? -100;
  checkInteger("ignore_index", ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
  if (isGiven(items) && !(Number.isFinite(items) && items > 0)) {
    throw invalidArgument(`'num_items_in_batch' must be a number above 0, not ${show(items)}`);
  }
  const rest = { labelsShifted: isGiven(shifted), ignoreIndex, lossItems: items ?? 0 };
  const given = shifted ?? labels;
  if (!isGiven(given)) {
    return rest;
  }
  const name = isGiven(shifted) ? "shift_labels" : "labels";
  if (!isIds(given) || given.dims.length !== 2 || given.dims[0] !== rows || given.dims[1] !== kept || kept === 0) {
    throw badShape(name, `[${rows}, ${kept}], one per logit`, given);
  }
  return { ...rest, labels: toInt32(given, name) };
}

function toInt32(tensor: IdTensor, name: string): Int32Array {
  const { data } = tensor;
  if (data instanceof Int32Array) {
    return data;
  }
  return Int32Array.from({ length: data.length }, (_, index) => {
    const value = BigInt(data[index] ?? 0);
    if (value > INT32_MAX || value < -INT32_MAX) {
      throw invalidArgument(`${name}: ${value} is no id of any model`);
    }
    return Number(value);
  });
}

function describe(value: unknown): string {
  return Tensor.isLike(value) ? `a ${value.type} tensor [${value.dims.join(", ")}]` : show(value);
}

function badShape(name: string, wanted: string, value: unknown): Error {
  return invalidArgument(`${name} must have the shape ${wanted}, not ${describe(value)}`);
}
