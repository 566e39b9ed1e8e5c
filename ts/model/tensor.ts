/** A dense row-major array with a shape: the part of transformers.js's Tensor that speech-to-text needs. */
import { SttError } from "../contract/errors.js";

export interface TensorDataMap {
  float32: Float32Array;
  int32: Int32Array;
  int64: BigInt64Array;
}

export type TensorType = keyof TensorDataMap;

/** Numbers (or bigints for int64), nested one level per dimension. */
export type NestedArray<T> = T[] | NestedArray<T>[];

export class Tensor<T extends TensorType = TensorType> implements Iterable<Tensor<T>> {
  readonly type: T;
  readonly data: TensorDataMap[T];
  readonly dims: readonly number[];

  /** `dims` must multiply to the length of `data`; the data is not copied. */
  constructor(type: T, data: TensorDataMap[T], dims: readonly number[]) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (dims.some((dim) => !Number.isInteger(dim) || dim < 0) || size !== data.length) {
      throw new SttError(
        "ERR_INVALID_ARGUMENT",
        `a tensor of shape [${dims.join(", ")}] has ${size} elements, but ${data.length} were given`,
        { remedy: "Give dims that multiply to the length of the data." },
      );
    }
    this.type = type;
    this.data = data;
    this.dims = [...dims];
  }

  get size(): number {
    return this.data.length;
  }

  /** The `index`-th entry of the first dimension; shares the data. */
  at(index: number): Tensor<T> {
    const [count = 0, ...inner] = this.dims;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new SttError("ERR_INVALID_ARGUMENT", `index ${index} is outside a dimension of ${count}`, {
        remedy: `Use an index from 0 to ${count - 1}.`,
      });
    }
    const length = this.data.length / count;
    const data = this.data.subarray(index * length, (index + 1) * length) as TensorDataMap[T];
    return new Tensor(this.type, data, inner);
  }

  *[Symbol.iterator](): Iterator<Tensor<T>> {
    for (let index = 0; index < (this.dims[0] ?? 0); index++) {
      yield this.at(index);
    }
  }

  /** Nested arrays; elements of an int64 tensor are bigints, as in transformers.js. */
  tolist(): NestedArray<TensorDataMap[T][number]> {
    if (this.dims.length < 2) {
      return Array.from<TensorDataMap[T][number]>(this.data);
    }
    return Array.from(this, (row) => row.tolist());
  }
}
