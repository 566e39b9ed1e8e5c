/** A conversion from beginning to end. */
import type { ConversionHandle, ConversionOptions, ConversionReport } from "../contract/conversion.js";
import { abortError, throwIfAborted, untilAborted } from "./abort.js";
import { openBackend } from "./runtime.js";

/** How far a conversion is. */
export interface ConvertProgress {
  /** Bytes of the result. */
  readonly done: number;
  /** Bytes the result will have. */
  readonly total: number;
}

export interface ConversionWatch {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
}

/** Written between two looks at the signal: well under a second, but for q4_k, which takes some. */
const STEP_BYTES = 16 * 1024 * 1024;

/** `source` and `target` are paths. What was written appears at the very end; a failure or an abort leaves nothing. */
export async function runConversion(
  source: string,
  target: string,
  options: ConversionOptions,
  { signal, onProgress }: ConversionWatch,
): Promise<ConversionReport> {
  throwIfAborted(signal);
  // No GPU is of use here, so none is woken up unless the addon for the processor is missing.
  const opening = openBackend("cpu").catch(() => openBackend());
  const { backend } = await untilAborted(opening, signal);
  const conversion = await backend.createConversion(source, target, options);
  try {
    await advance(conversion, signal, onProgress);
    await conversion.finish();
    return await conversion.report();
  } finally {
    await conversion.dispose();
  }
}

async function advance(
  conversion: ConversionHandle,
  signal: AbortSignal | undefined,
  onProgress: ConversionWatch["onProgress"],
): Promise<void> {
  for (;;) {
    if (signal?.aborted) {
      throw abortError(signal);
    }
    const { done, total, finished } = await conversion.advance(STEP_BYTES);
    onProgress?.({ done, total });
    if (finished) {
      throwIfAborted(signal);
      return;
    }
  }
}
