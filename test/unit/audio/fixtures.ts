/** The files of test/fixtures/audio and the signal that they hold. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/audio/${name}`, import.meta.url));
}

export function fixtureBytes(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

const REFERENCE_RATE = 8000;
const REFERENCE_HEADER = 44;

/** reference.wav without the code under test. */
function referenceSamples(): Float64Array {
  const bytes = fixtureBytes("reference.wav").subarray(REFERENCE_HEADER);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(i * 2, true) / 32_768);
}

const HALF_TAPS = 48;
const cache = new Map<number, Float64Array>();

/** The reference at another rate: it ends at 3.4 kHz, so a Hann-windowed sinc of 97 taps is exact enough. */
function referenceAt(rate: number): Float64Array {
  const known = cache.get(rate);
  if (known !== undefined) {
    return known;
  }
  const source = referenceSamples();
  const samples = new Float64Array(Math.ceil((source.length * rate) / REFERENCE_RATE));
  for (let i = 0; i < samples.length; i++) {
    const time = (i * REFERENCE_RATE) / rate;
    for (let k = Math.ceil(time - HALF_TAPS); k <= time + HALF_TAPS; k++) {
      const distance = time - k;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / (HALF_TAPS + 1));
      const sinc = distance === 0 ? 1 : Math.sin(Math.PI * distance) / (Math.PI * distance);
      samples[i] = (samples[i] ?? 0) + (source[k] ?? 0) * sinc * window;
    }
  }
  cache.set(rate, samples);
  return samples;
}

/** Signal to noise in dB of samples that should be gain times the reference, `lag` samples late; ends left out. */
export function snr(samples: Float32Array, rate: number, gain: number, lag: number): number {
  const reference = referenceAt(rate);
  const edge = Math.round(rate * 0.02);
  let signal = 0;
  let noise = 0;
  for (let i = Math.max(0, -lag) + edge; i < Math.min(reference.length, samples.length - lag) - edge; i++) {
    const expected = gain * (reference[i] ?? 0);
    signal += expected ** 2;
    noise += (expected - (samples[i + lag] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / (noise + 1e-20));
}
