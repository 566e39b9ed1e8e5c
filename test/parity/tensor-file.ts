/** Reads the f32 and i32 tensors of a safetensors file. */
import { readFileSync } from "node:fs";
import { Tensor } from "../../ts/index.node.js";

export type StoredTensor = Tensor<"float32"> | Tensor<"int32">;

export function readTensorFile(path: string): Map<string, StoredTensor> {
  const file = readFileSync(path);
  const headerSize = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerSize)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name !== "__metadata__") {
      const [begin, end] = data_offsets.map((offset) => 8 + headerSize + offset) as [number, number];
      const bytes = new Uint8Array(file.subarray(begin, end)).buffer;
      if (dtype !== "F32" && dtype !== "I32") {
        throw new Error(`${path}: ${name} is ${dtype}`);
      }
      tensors.set(
        name,
        dtype === "F32"
          ? new Tensor("float32", new Float32Array(bytes), shape)
          : new Tensor("int32", new Int32Array(bytes), shape),
      );
    }
  }
  return tensors;
}

/** Root mean square of the difference over that of `expected`; Infinity for another shape or values that are no numbers. */
export function relativeError(found: Tensor<"float32">, expected: Tensor<"float32">): number {
  if (found.dims.join() !== expected.dims.join()) {
    return Number.POSITIVE_INFINITY;
  }
  let difference = 0;
  let size = 0;
  for (const [index, value] of expected.data.entries()) {
    const other = found.data[index] ?? Number.NaN;
    difference += (other - value) ** 2;
    size += value ** 2;
  }
  const error = Math.sqrt(difference / Math.max(size, Number.MIN_VALUE));
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
