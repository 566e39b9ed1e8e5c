import { SttError } from "../contract/errors.js";
import { Tensor } from "../tensor/tensor.js";
import type { ChannelAudio } from "./audio-input.js";
import { BatchFeature } from "./batch-feature.js";
import type { PaddedRow } from "./sequence-padding.js";

export interface BatchLayout {
  /** Samples of silence before and after every row. */
  readonly prefix: number;
  readonly tail: number;
  readonly paddingValue: number;
  readonly paddingSide: "left" | "right";
  readonly withMask: boolean;
}

/** Recordings and the places planned for them to [rows, channels, prefix + length + tail]. */
export function assembleBatch(
  audio: readonly ChannelAudio[],
  rows: readonly PaddedRow[],
  layout: BatchLayout,
): BatchFeature {
  const length = rows[0]?.length ?? 0;
  const other = rows.find((row) => row.length !== length);
  if (other !== undefined) {
    throw new SttError(
      "ERR_INVALID_ARGUMENT",
      `the rows of the batch differ in length (${length} and ${other.length} samples)`,
      { remedy: "Use padding: true to bring all rows to the same shape, or pass recordings one by one." },
    );
  }
  const channels = audio[0]?.channels.length ?? 1;
  const { prefix, tail, paddingSide } = layout;
  const total = prefix + length + tail;
  const values = new Float32Array(rows.length * channels * total);
  const mask = layout.withMask ? new Int32Array(rows.length * total) : undefined;
  for (const [index, row] of rows.entries()) {
    const start = prefix + (paddingSide === "left" ? length - row.kept : 0);
    for (const [channel, samples] of (audio[index]?.channels ?? []).entries()) {
      const offset = (index * channels + channel) * total;
      values.fill(layout.paddingValue, offset + prefix, offset + prefix + length);
      values.set(samples.subarray(0, row.kept), offset + start);
    }
    mask?.fill(1, index * total + start, index * total + start + row.kept);
  }
  const input_values = new Tensor("float32", values, [rows.length, channels, total]);
  return new BatchFeature(
    mask === undefined
      ? { input_values }
      : { input_values, padding_mask: new Tensor("int32", mask, [rows.length, total]) },
  );
}
