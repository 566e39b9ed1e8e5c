/**
 * A dense row-major array with a shape, as transformers.js has it: the same names for the same things (`type`, `data`,
 * `dims`, `tolist`, `slice`, `view`, ...), so that either side's tensors can be handed to the other. It moves and views
 * numbers; it computes nothing.
 */
import { SttError } from "../contract/errors.js";
import {
  convertData,
  dataName,
  isDataOf,
  isTensorType,
  newData,
  type TensorDataMap,
  type TensorType,
} from "./tensor-types.js";

export type { TensorDataMap, TensorType } from "./tensor-types.js";

/** Numbers (or bigints for int64), nested one level per dimension. */
export type NestedArray<T> = T[] | NestedArray<T>[];

/** What every tensor library of JavaScript agrees on; ours and transformers.js's tensors both are this. */
export interface TensorLike<T extends TensorType = TensorType> {
  /** Of the elements. */
  readonly type: T;
  /** Row-major: the last dimension is adjacent. */
  readonly data: TensorDataMap[T];
  /** Lengths of the dimensions. */
  readonly dims: readonly number[];
}

/** An entry of one dimension, which goes away; a range of it, end excluded, null: its own bound; or null: all of it. */
export type SliceRange = number | readonly [number | null, number | null] | null | undefined;

/**
 * A dense row-major array of numbers (bigints for int64) with a shape. Arguments that do not fit the shape, or no type,
 * throw ERR_INVALID_ARGUMENT.
 */
export class Tensor<T extends TensorType = TensorType> implements TensorLike<T>, Iterable<Tensor<T>> {
  /** Of the elements. */
  readonly type: T;
  /** Row-major: the last dimension is adjacent. */
  readonly data: TensorDataMap[T];
  /** Lengths of the dimensions. */
  readonly dims: readonly number[];
  /** Where the data is, as in transformers.js: always in memory that JavaScript reads. */
  readonly location = "cpu";

  /** `dims` must multiply to the length of `data`; the data is not copied. */
  constructor(type: T, data: TensorDataMap[T], dims: readonly number[]) {
    if (!isTensorType(type)) {
      throw invalid(`tensors have no type ${JSON.stringify(type)}`, 'Use "float32", "int64" or another listed type.');
    }
    if (!isDataOf(type, data)) {
      throw invalid(`a tensor of type ${type} needs its data in a ${dataName(type)}`, "Convert the data first.");
    }
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (dims.some((dim) => !Number.isInteger(dim) || dim < 0) || size !== data.length) {
      throw invalid(
        `a tensor of shape [${dims.join(", ")}] has ${size} elements, but ${data.length} were given`,
        "Give dims that multiply to the length of the data.",
      );
    }
    this.type = type;
    this.data = data;
    this.dims = [...dims];
  }

  /** A tensor of this class around another library's one; shares the data. */
  static from<T extends TensorType>(tensor: TensorLike<T>): Tensor<T> {
    return tensor instanceof Tensor ? (tensor as Tensor<T>) : new Tensor(tensor.type, tensor.data, tensor.dims);
  }

  /** Whether `value` has a type, data and dims that this class could hold. */
  static isLike(value: unknown): value is TensorLike {
    if (typeof value !== "object" || value === null) {
      return false;
    }
    const { type, data, dims } = value as Partial<TensorLike>;
    return isTensorType(type) && isDataOf(type, data) && Array.isArray(dims);
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** Another name of `type`. */
  get dtype(): T {
    return this.type;
  }

  /** The `index`-th entry of the first dimension, from the end where negative; shares the data. */
  at(index: number): Tensor<T> {
    const [count = 0, ...inner] = this.dims;
    const place = toPlace(index, count);
    const length = this.data.length / count;
    return new Tensor(this.type, this.#part(place * length, length), inner);
  }

  /**
   * Entries of the first dimension, sharing the data; the elements themselves where there is no other dimension. Typed as
   * in transformers.js.
   */
  // biome-ignore lint/suspicious/noExplicitAny: tensors or elements, which only the shape tells
  *[Symbol.iterator](): Iterator<any> {
    if (this.dims.length < 2) {
      yield* this.data;
      return;
    }
    for (let index = 0; index < (this.dims[0] ?? 0); index++) {
      yield this.at(index);
    }
  }

  /** The only element. */
  item(): TensorDataMap[T][number] {
    const [value] = this.data;
    if (value === undefined || this.size !== 1) {
      throw invalid(`item() needs a tensor of one element, not ${this.size}`, "Pick the element with at() first.");
    }
    return value;
  }

  /** Nested arrays; elements of an int64 tensor are bigints, as in transformers.js. */
  tolist(): NestedArray<TensorDataMap[T][number]> {
    if (this.dims.length < 2) {
      return Array.from<TensorDataMap[T][number]>(this.data);
    }
    return Array.from(this, (row) => row.tolist());
  }

  /** The same data in another shape; one of `dims` may be -1 and follows from the others. */
  view(...dims: readonly number[]): Tensor<T> {
    const known = dims.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    const open = dims.filter((dim) => dim === -1).length;
    if (open > 1 || (open === 1 && (known === 0 || this.size % known !== 0))) {
      throw invalid(
        `the shape [${dims.join(", ")}] does not fit ${this.size} elements`,
        "Leave at most one dimension as -1.",
      );
    }
    return new Tensor(
      this.type,
      this.data,
      dims.map((dim) => (dim === -1 ? this.size / known : dim)),
    );
  }

  /** Without the dimensions of length 1, or without the one at `dim`; shares the data. */
  squeeze(dim?: number): Tensor<T> {
    const place = dim === undefined ? undefined : toPlace(dim, this.dims.length);
    const dims = this.dims.filter((length, index) => length !== 1 || (place !== undefined && index !== place));
    return new Tensor(this.type, this.data, dims);
  }

  /** With one more dimension of length 1 at `dim`; shares the data. */
  unsqueeze(dim: number): Tensor<T> {
    const dims = [...this.dims];
    dims.splice(toPlace(dim, this.dims.length + 1), 0, 1);
    return new Tensor(this.type, this.data, dims);
  }

  /** One dimension; shares the data. */
  flatten(): Tensor<T> {
    return new Tensor(this.type, this.data, [this.size]);
  }

  /** A part, one range per dimension from the first on. Shares the data where the part is one piece of it. */
  slice(...ranges: readonly SliceRange[]): Tensor<T> {
    if (ranges.length > this.dims.length) {
      throw invalid(`${ranges.length} ranges for ${this.dims.length} dimensions`, "Give one range per dimension.");
    }
    const bounds = this.dims.map((length, dim) => toBounds(ranges[dim], length));
    const dims = bounds.map(([start, end]) => end - start).filter((_, dim) => typeof ranges[dim] !== "number");
    return new Tensor(this.type, this.#cut(bounds), dims);
  }

  /** The dimensions in another order: `permute(1, 0)` of a matrix is its transpose. A copy. */
  permute(...order: readonly number[]): Tensor<T> {
    const places = order.map((dim) => toPlace(dim, this.dims.length));
    if (places.length !== this.dims.length || new Set(places).size !== places.length) {
      throw invalid(
        `permute(${order.join(", ")}) is no order of ${this.dims.length} dimensions`,
        "Name every dimension exactly once.",
      );
    }
    const dims = places.map((place) => this.dims[place] ?? 0);
    const steps = places.map((place) => stepOf(this.dims, place));
    const data = newData(this.type, this.size);
    for (let index = 0; index < data.length; index++) {
      let rest = index;
      let source = 0;
      for (let dim = dims.length - 1; dim >= 0; dim--) {
        const length = dims[dim] ?? 1;
        source += (rest % length) * (steps[dim] ?? 0);
        rest = Math.floor(rest / length);
      }
      data[index] = this.data[source] as TensorDataMap[T][number];
    }
    return new Tensor(this.type, data, dims);
  }

  /** With the dimensions `first` and `second` exchanged. A copy. */
  transpose(first: number, second: number): Tensor<T> {
    const order = this.dims.map((_, dim) => dim);
    const [a, b] = [toPlace(first, order.length), toPlace(second, order.length)];
    order[a] = b;
    order[b] = a;
    return this.permute(...order);
  }

  /** The elements as another type; the same tensor where it has that type already. */
  to<U extends TensorType>(type: U): Tensor<U> {
    if (!isTensorType(type)) {
      throw invalid(`tensors have no type ${JSON.stringify(type)}`, 'Use "float32", "int64" or another listed type.');
    }
    return this.type === (type as TensorType)
      ? (this as unknown as Tensor<U>)
      : new Tensor(type, convertData(this.data, type), this.dims);
  }

  /** A copy of its own data. */
  clone(): Tensor<T> {
    return new Tensor(this.type, this.data.slice() as TensorDataMap[T], this.dims);
  }

  #part(start: number, length: number): TensorDataMap[T] {
    return this.data.subarray(start, start + length) as TensorDataMap[T];
  }

  #cut(bounds: readonly Bounds[]): TensorDataMap[T] {
    // From the last dimension that is cut on, the elements of one entry lie side by side.
    let inner = bounds.length - 1;
    while (inner > 0 && isWhole(bounds[inner], this.dims[inner])) {
      inner--;
    }
    const outer = bounds.slice(0, inner);
    const [start, end] = bounds[inner] ?? [0, 1];
    const step = stepOf(this.dims, inner);
    const length = (end - start) * step;
    const count = outer.reduce((product, [from, to]) => product * (to - from), 1);
    if (count === 1) {
      const offset = outer.reduce((sum, [from], dim) => sum + from * stepOf(this.dims, dim), start * step);
      return this.#part(offset, length);
    }
    const data = newData(this.type, count * length);
    for (let index = 0; index < count; index++) {
      let rest = index;
      let offset = start * step;
      for (let dim = inner - 1; dim >= 0; dim--) {
        const [from, to] = bounds[dim] ?? [0, 1];
        offset += (from + (rest % (to - from))) * stepOf(this.dims, dim);
        rest = Math.floor(rest / (to - from));
      }
      (data as { set(from: unknown, at: number): void }).set(this.#part(offset, length), index * length);
    }
    return data;
  }
}

type Bounds = readonly [number, number];

function isWhole(bounds: Bounds | undefined, length: number | undefined): boolean {
  return bounds?.[0] === 0 && bounds[1] === length;
}

/** Elements between two neighbours of a dimension. */
function stepOf(dims: readonly number[], dim: number): number {
  return dims.slice(dim + 1).reduce((product, length) => product * length, 1);
}

function toPlace(index: number, count: number): number {
  const place = index < 0 ? index + count : index;
  if (!Number.isInteger(index) || place < 0 || place >= count) {
    throw invalid(`index ${index} is outside a dimension of ${count}`, `Use an index from ${-count} to ${count - 1}.`);
  }
  return place;
}

function toBounds(range: SliceRange, length: number): Bounds {
  if (range === null || range === undefined) {
    return [0, length];
  }
  if (typeof range === "number") {
    const place = toPlace(range, length);
    return [place, place + 1];
  }
  const [start, end] = range.map((bound, side) => toBound(bound, length, side)) as [number, number];
  if (start > end) {
    throw invalid(`the range [${range.join(", ")}] starts after its end`, "Give the start first.");
  }
  return [start, end];
}

/** As in transformers.js and Python: negative bounds count from the end, and bounds outside are brought inside. */
function toBound(bound: number | null, length: number, side: number): number {
  if (bound === null) {
    return side === 0 ? 0 : length;
  }
  if (!Number.isInteger(bound)) {
    throw invalid(`a range needs whole numbers, not ${bound}`, "Round the bound first.");
  }
  return Math.min(Math.max(bound < 0 ? bound + length : bound, 0), length);
}

function invalid(message: string, remedy: string): SttError {
  return new SttError("ERR_INVALID_ARGUMENT", message, { remedy });
}
