/** Whole recordings through a resampler handle. */
import { describe, expect, test } from "vitest";
import { resampleTo } from "../../../ts/audio/resample.js";
import type { ResamplerHandle } from "../../../ts/contract/backend.js";

/** Repeats every sample; holds the last one back until flush. */
class Doubler implements ResamplerHandle {
  pushes = 0;
  disposed = false;
  #held: number[] = [];

  async push(pcm: Float32Array): Promise<Float32Array> {
    this.pushes++;
    const samples = [...this.#held, ...pcm];
    this.#held = samples.slice(-1);
    return Float32Array.from(samples.slice(0, -1).flatMap((sample) => [sample, sample]));
  }

  async flush(): Promise<Float32Array> {
    return Float32Array.from(this.#held.flatMap((sample) => [sample, sample]));
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}

describe("resampleTo", () => {
  test("pushes in parts, flushes, joins and disposes", async () => {
    const handle = new Doubler();
    const samples = Float32Array.from({ length: 150_000 }, (_, i) => i);
    const rates: number[] = [];
    const backend = {
      createResampler: async (rateIn: number, rateOut: number) => {
        rates.push(rateIn, rateOut);
        return handle;
      },
    };
    const found = await resampleTo(backend, { samples, rate: 12_000 }, 24_000);
    expect(rates).toEqual([12_000, 24_000]);
    expect(found).toEqual(Float32Array.from({ length: 300_000 }, (_, i) => i >> 1));
    expect(handle.pushes).toBeGreaterThan(1);
    expect(handle.disposed).toBe(true);
  });

  test("equal rates need no resampler", async () => {
    const samples = new Float32Array(10);
    const backend = {
      createResampler: async (): Promise<ResamplerHandle> => {
        throw new Error("not wanted");
      },
    };
    expect(await resampleTo(backend, { samples, rate: 24_000 }, 24_000)).toBe(samples);
  });

  test("an abort between parts disposes the handle", async () => {
    const handle = new Doubler();
    const controller = new AbortController();
    const backend = {
      createResampler: async () => {
        controller.abort();
        return handle;
      },
    };
    const audio = { samples: new Float32Array(200_000), rate: 12_000 };
    await expect(resampleTo(backend, audio, 24_000, { signal: controller.signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
    expect(handle).toMatchObject({ pushes: 1, disposed: true });
  });
});
