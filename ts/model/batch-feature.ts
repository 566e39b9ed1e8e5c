import { SttError } from "../contract/errors.js";
import type { Tensor } from "../tensor/tensor.js";

/** What a feature extractor returns: its tensors are the enumerable properties, so `{ ...inputs }` spreads them. */
export class BatchFeature {
  /** [batch, channels, samples] f32. */
  declare input_values: Tensor<"float32">;
  /** [batch, samples] int32, 1: a sample of the caller's audio. Absent with padding: false. */
  declare padding_mask?: Tensor<"int32">;

  /** [texts, ids]; with `text` in the call of a processor. */
  declare input_ids?: Tensor<"int64">;
  /** [texts, ids], 1: an id of the text; with `text`. */
  declare attention_mask?: Tensor<"int64">;

  constructor(tensors: {
    input_values: Tensor<"float32">;
    padding_mask?: Tensor<"int32">;
    input_ids?: Tensor<"int64">;
    attention_mask?: Tensor<"int64">;
  }) {
    Object.assign(this, tensors);
  }

  /** For code that comes from Python: there is one device and one dtype here, so this changes nothing. */
  to(..._args: unknown[]): this {
    return this;
  }

  /** Names of the tensors. */
  keys(): string[] {
    return Object.keys(this);
  }
}

/** Formats that callers of transformers ask for; every one of them means Tensor here. */
const TENSOR_TYPES = ["pt", "np", "tf", "jax", "mlx"];

export function checkReturnTensors(type: unknown): void {
  if (type !== undefined && type !== null && !TENSOR_TYPES.includes(String(type))) {
    throw new SttError(
      "ERR_INVALID_ARGUMENT",
      `${String(type)} is not a valid TensorType, please select one of [${TENSOR_TYPES.join(", ")}]`,
      { remedy: "Leave return_tensors out: the result is always made of Tensor objects." },
    );
  }
}
