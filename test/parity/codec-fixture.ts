/** Reads test/fixtures/codec; its README says what is in there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tensor } from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";

interface CodecManifest {
  readonly description: string;
  /** Relative to the fixture. */
  readonly checkpoint: string;
  /** Of the rows' audio. */
  readonly seeds: readonly number[];
  readonly frames: number;
  /** Frames per call of a stream. */
  readonly pieces: readonly number[];
  /** Codebooks of the cases that use few. */
  readonly few: number;
  /** Frames of long audio that were kept. */
  readonly kept: readonly number[];
}

export interface CodecFixture extends CodecManifest {
  readonly checkpointFolder: string;
  /** int32 or float32. */
  expected(name: string): Tensor<"int32" | "float32">;
}

export const CODEC_FIXTURES = ["plain", "varied", "original"] as const;

const FOLDER = fileURLToPath(new URL("../fixtures/codec", import.meta.url));

export function readCodecFixture(name: string): CodecFixture {
  const folder = join(FOLDER, name);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as CodecManifest;
  const file = readFileSync(join(folder, "expected.safetensors"));
  return {
    ...manifest,
    checkpointFolder: join(folder, manifest.checkpoint),
    expected: (tensor) => readTensor(file, tensor),
  };
}

/** [rows, 1, samples] */
export function signalRows(fixture: CodecFixture, samples: number): Tensor<"float32"> {
  const data = new Float32Array(fixture.seeds.length * samples);
  for (const [row, seed] of fixture.seeds.entries()) {
    data.set(audioSignal(seed, samples), row * samples);
  }
  return new Tensor("float32", data, [fixture.seeds.length, 1, samples]);
}

function readTensor(file: Buffer, name: string): Tensor<"int32" | "float32"> {
  const headerSize = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerSize)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const entry = header[name];
  if (entry === undefined) {
    throw new Error(`no tensor ${name}`);
  }
  const [begin, end] = entry.data_offsets.map((offset) => 8 + headerSize + offset);
  // A copy begins where any typed array may.
  const bytes = Uint8Array.from(file.subarray(begin, end)).buffer;
  return entry.dtype === "F32"
    ? new Tensor("float32", new Float32Array(bytes), entry.shape)
    : new Tensor("int32", new Int32Array(bytes), entry.shape);
}
