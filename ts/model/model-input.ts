import type { EngineInfo } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { Tensor } from "../tensor/tensor.js";
import { checkFinite } from "./audio-input.js";
import { invalidArgument, show } from "./option-checks.js";

export interface ModelInput {
  /** [rows][samples]. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly samples: number;
}

/** Checks `input_values` as the processor returns them: a float32 tensor [batch, 1, samples], all finite. */
export function readModelInput(input: unknown): ModelInput {
  if (!Tensor.isLike(input) || input.type !== "float32") {
    const found = Tensor.isLike(input) ? `a ${input.type} tensor` : show(input);
    throw invalidArgument(
      `input_values must be a float32 Tensor [batch, 1, samples], not ${found}`,
      "Pass what the processor returns.",
    );
  }
  const [rows = 0, channels = 0, samples = 0] = input.dims;
  if (input.dims.length !== 3 || channels !== 1 || rows < 1 || samples < 1) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      `input_values must have shape [batch, 1, samples], not [${input.dims.join(", ")}]`,
      {
        remedy: "Pass what the processor returns for mono audio.",
      },
    );
  }
  const values = input.data as Float32Array;
  checkFinite(values, "input_values");
  return { values, rows, samples };
}

export function wholeFrames(input: ModelInput, info: EngineInfo): number {
  return Math.floor(input.samples / info.frameSize);
}
