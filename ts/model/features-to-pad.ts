/** What feature_extractor.pad() takes and gives. */
import type { Tensor } from "../tensor/tensor.js";
import type { AudioExample, AudioInput } from "./audio-input.js";
import { invalidArgument, show } from "./option-checks.js";
import type { PaddingOptions } from "./sequence-padding.js";

interface Features {
  readonly input_values: AudioExample | readonly AudioExample[];
}

/** One recording or a batch under `input_values`, or a list of such objects with one recording each. */
export type FeaturesToPad = Features | readonly Features[];

/** Options of pad(). */
export interface PadOptions extends PaddingOptions {
  /** Default: the feature extractor's own setting. */
  return_attention_mask?: boolean | null | undefined;
  /** Accepted for compatibility; results are always Tensors. */
  return_tensors?: string | null | undefined;
}

/** What pad() gives. */
export interface PaddedFeatures {
  /** [batch, samples], of stereo [batch, 2, samples]. */
  readonly input_values: Tensor<"float32">;
  /** 1: a sample of the recording. */
  readonly attention_mask?: Tensor<"int32">;
}

export const PAD_OPTIONS: readonly (keyof PadOptions)[] = [
  "padding",
  "truncation",
  "max_length",
  "pad_to_multiple_of",
  "return_attention_mask",
  "return_tensors",
];

export function recordingsOf(features: FeaturesToPad): AudioInput {
  const list: readonly Features[] = Array.isArray(features) ? features : [features];
  const recordings = list.map((one) => {
    const values = (one as Partial<Features> | null | undefined)?.input_values;
    if (values === undefined) {
      const found = typeof one === "object" && one !== null ? `[${Object.keys(one).join(", ")}]` : show(one);
      throw invalidArgument(
        `You should supply features to this method that include input_values, but you provided ${found}`,
        "Pass { input_values: [...] }, or a list of such objects.",
      );
    }
    return values;
  });
  return (Array.isArray(features) ? recordings : recordings[0]) as AudioInput;
}
