/** What a parity fixture is, and how results are compared with it; needs neither a disk nor Node. */

/** audio_signal(seed, samples). */
export interface SignalRow {
  readonly seed: number;
  readonly samples: number;
}

/** A recording of the repository, `repeat` times in a row after `silence` zero samples. */
export interface RecordingRow {
  /** From the repository's root. */
  readonly file: string;
  readonly repeat: number;
  readonly silence: number;
}

export interface ParityCase {
  readonly name: string;
  readonly rows: readonly (SignalRow | RecordingRow)[];
  readonly audio_window_size: number | null;
  readonly max_new_tokens: number | null;
  readonly texts: readonly string[];
}

export interface Manifest {
  readonly description: string;
  readonly dtype: "f32" | "bf16" | "f16";
  /** Folder of the model, relative to the fixture. */
  readonly checkpoint?: string;
  /** Of its model.safetensors when the results were made. */
  readonly checkpoint_sha256?: string;
  readonly cases: readonly ParityCase[];
}

export interface Fixture {
  readonly name: string;
  readonly checkpoint: string;
  readonly manifest: Manifest;
  /** Nested rows of an int32 tensor of expected.safetensors. */
  ids(tensor: string): NestedIds;
}

export type NestedIds = number[] | NestedIds[];

/** Of a safetensors file. */
export function idsReader(file: Uint8Array): (tensor: string) => NestedIds {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerSize = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerSize))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return (tensor) => {
    const entry = header[tensor];
    if (entry?.dtype !== "I32") {
      throw new Error(`no int32 tensor ${tensor}`);
    }
    const [begin, end] = entry.data_offsets.map((offset) => 8 + headerSize + offset) as [number, number];
    const values = Array.from({ length: (end - begin) / 4 }, (_, i) => view.getInt32(begin + 4 * i, true));
    return nest(values, entry.shape);
  };
}

function nest(values: number[], shape: number[]): NestedIds {
  const [length, ...inner] = shape;
  if (length === undefined || inner.length === 0) {
    return values;
  }
  const size = values.length / length;
  return Array.from({ length }, (_, i) => nest(values.slice(i * size, (i + 1) * size), inner));
}

/** Where two nested arrays first differ, in words. */
export function firstDifference(found: NestedIds, expected: NestedIds, path = ""): string | undefined {
  if (found.length !== expected.length) {
    return `${path}: ${found.length} values instead of ${expected.length}`;
  }
  for (const [index, want] of expected.entries()) {
    const here = `${path}[${index}]`;
    const have = found[index];
    if (Array.isArray(want) && Array.isArray(have)) {
      const inner = firstDifference(have, want, here);
      if (inner !== undefined) {
        return inner;
      }
    } else if (have !== want) {
      return `${here}: ${have} instead of ${want}`;
    }
  }
  return undefined;
}

/** Share of equal tokens. */
export function agreement(found: number[][], expected: number[][]): number {
  const have = found.flat();
  const want = expected.flat();
  return have.length === want.length ? want.filter((token, i) => have[i] === token).length / want.length : 0;
}
