/** Whole recordings through the core's resampler. */
import type { Backend } from "../contract/backend.js";
import { throwIfAborted } from "./audio-errors.js";
import { joinSamples } from "./read-all.js";

// About 1.5 s at 44.1 kHz: an abort takes effect between the pushes.
const PUSH_SAMPLES = 65_536;

/** ceil(samples * rateOut / rate) samples at rateOut Hz; the very array when the rates are equal. */
export async function resampleTo(
  backend: Pick<Backend, "createResampler">,
  audio: { readonly samples: Float32Array; readonly rate: number },
  rateOut: number,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Float32Array> {
  const { samples, rate } = audio;
  throwIfAborted(options.signal);
  if (rate === rateOut) {
    return samples;
  }
  const resampler = await backend.createResampler(rate, rateOut);
  try {
    const parts: Float32Array[] = [];
    for (let start = 0; start < samples.length; start += PUSH_SAMPLES) {
      parts.push(await resampler.push(samples.subarray(start, start + PUSH_SAMPLES)));
      throwIfAborted(options.signal);
    }
    parts.push(await resampler.flush());
    return joinSamples(parts);
  } finally {
    await resampler.dispose();
  }
}
