/** Reads test/fixtures/parity; its README says what is in there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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

const FOLDER = fileURLToPath(new URL("../fixtures/parity", import.meta.url));

export function readFixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter((name) => existsSync(join(FOLDER, name, "manifest.json")))
    .map((name) => {
      const folder = join(FOLDER, name);
      const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
      const checkpoint = join(folder, manifest.checkpoint ?? "checkpoint");
      return { name, checkpoint, manifest, ids: idsReader(readFileSync(join(folder, "expected.safetensors"))) };
    });
}

function idsReader(file: Buffer): (tensor: string) => NestedIds {
  const headerSize = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerSize)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return (tensor) => {
    const entry = header[tensor];
    if (entry?.dtype !== "I32") {
      throw new Error(`no int32 tensor ${tensor}`);
    }
    const [begin, end] = entry.data_offsets.map((offset) => 8 + headerSize + offset);
    const bytes = file.subarray(begin, end);
    const values = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
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
