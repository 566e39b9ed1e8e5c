/** Element types of tensors, spelled as in transformers.js, and the arrays that hold them. */
import { SttError } from "../contract/errors.js";

export interface TensorDataMap {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** 0 or 1 per element. */
  bool: Uint8Array;
}

/** Element types, spelled as in transformers.js. */
export type TensorType = keyof TensorDataMap;

interface ArrayConstructor<T extends TensorType> {
  new (length: number): TensorDataMap[T];
}

const ARRAYS: { readonly [T in TensorType]: ArrayConstructor<T> } = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export function isTensorType(value: unknown): value is TensorType {
  return typeof value === "string" && Object.hasOwn(ARRAYS, value);
}

function holdsBigInts(type: TensorType): boolean {
  return type === "int64" || type === "uint64";
}

export function isFloat(type: TensorType): boolean {
  return type === "float32" || type === "float64";
}

/** Whether `data` is the kind of array that elements of `type` are kept in. */
export function isDataOf(type: TensorType, data: unknown): boolean {
  return data instanceof ARRAYS[type];
}

export function dataName(type: TensorType): string {
  return ARRAYS[type].name;
}

/** `length` zeros. */
export function newData<T extends TensorType>(type: T, length: number): TensorDataMap[T] {
  return new ARRAYS[type](length);
}

/** `data` as elements of `to`: whole numbers are cut towards zero, and 0 and false are the same. Always a copy. */
export function convertData<T extends TensorType>(data: TensorDataMap[TensorType], to: T): TensorDataMap[T] {
  const result = newData(to, data.length);
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    if (to === "bool") {
      result[index] = Number(value) === 0 ? 0 : 1;
    } else if (holdsBigInts(to)) {
      result[index] = typeof value === "bigint" ? value : toBigInt(value, to);
    } else {
      result[index] = Number(value);
    }
  }
  return result;
}

function toBigInt(value: number, to: TensorType): bigint {
  if (!Number.isFinite(value)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `${value} has no value of type ${to}`, {
      remedy: "Replace what is not a finite number first.",
    });
  }
  return BigInt(Math.trunc(value));
}
