/** The shapes in which callers hand audio to the feature extractor, brought to one form. */
import { SttError } from "../contract/errors.js";
import { Tensor } from "../tensor/tensor.js";
import { invalidArgument, show } from "./option-checks.js";

type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | readonly number[];

/** One recording: samples, or channels of samples (nested arrays or a tensor of shape [channels, samples]). */
export type AudioExample = NumericArray | readonly NumericArray[] | Tensor<"float32">;

/** One recording, or a list of them. As in transformers, a list whose first entry is a list or array is a batch. */
export type AudioInput = AudioExample | readonly AudioExample[];

/** One recording, checked. */
export interface ChannelAudio {
  /** One array per channel, all of one length. */
  readonly channels: readonly Float32Array[];
  readonly samples: number;
}

function isBatch(audio: AudioInput): audio is readonly AudioExample[] {
  return Array.isArray(audio) && typeof audio[0] === "object" && audio[0] !== null;
}

/** The recordings of `audio`, each with `channels` channels. */
export function readAudioInput(audio: AudioInput, channels: number): ChannelAudio[] {
  const examples = isBatch(audio) ? audio : [audio as AudioExample];
  return examples.map((example, index) => {
    const name = isBatch(audio) ? `audio ${index}` : "audio";
    const shaped = toShaped(example, name);
    checkChannels(shaped, channels);
    const result = shaped.rows.map((row) => toFloat32(row, name));
    checkSamples(result, name);
    return { channels: result, samples: result[0]?.length ?? 0 };
  });
}

interface ShapedAudio {
  readonly dims: readonly number[];
  readonly rows: readonly NumericArray[];
}

function toShaped(example: AudioExample, name: string): ShapedAudio {
  if (Tensor.isLike(example)) {
    const { type, dims, data } = example;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      throw invalidArgument(`${name}: samples are real numbers, not ${type}`, "Pass a float32 tensor.");
    }
    const [rows = 1, samples = 0] = dims.length > 1 ? dims : [1, ...dims];
    return {
      dims,
      rows: Array.from({ length: rows }, (_, row) => data.subarray(row * samples, (row + 1) * samples)),
    };
  }
  if (isNumericArray(example)) {
    return { dims: [example.length], rows: [example] };
  }
  if (Array.isArray(example)) {
    const first: unknown = example[0];
    if (Array.isArray(first) && typeof first[0] === "object") {
      return { dims: [example.length, first.length, (first[0] as { length: number }).length], rows: [] };
    }
    return { dims: [example.length, (first as { length?: number }).length ?? 0], rows: example };
  }
  throw invalidArgument(
    `${name}: expected samples (Float32Array or numbers), not ${show(example)}`,
    "Decode files first, for example with read_audio(path, 24000).",
  );
}

function isNumericArray(value: unknown): value is NumericArray {
  if (Array.isArray(value)) {
    return value.length === 0 || typeof value[0] !== "object" || value[0] === null;
  }
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !isBigIntArray(value);
}

function isBigIntArray(value: unknown): boolean {
  return value instanceof BigInt64Array || value instanceof BigUint64Array;
}

function checkChannels({ dims }: ShapedAudio, channels: number): void {
  const found = dims[0];
  if (dims.length > 2) {
    throw badShape(`Expected input shape (channels, length) but got shape (${dims.join(", ")})`);
  }
  if (channels === 1 && dims.length !== 1) {
    throw badShape(`Expected mono audio but example has ${found} channels`);
  }
  if (channels === 2 && (dims.length !== 2 || found !== 2)) {
    throw badShape(`Expected stereo audio but example has ${found} channels`);
  }
}

function badShape(message: string): SttError {
  return new SttError("ERR_INVALID_AUDIO", message, {
    remedy: "Pass one array of samples per recording; mix channels down to their mean first.",
  });
}

function toFloat32(row: NumericArray, name: string): Float32Array {
  if (row instanceof Float32Array) {
    return row;
  }
  if (!isNumericArray(row)) {
    throw invalidArgument(`${name}: expected numbers, not ${show(row)}`);
  }
  const wrong = Array.isArray(row) ? row.find((sample) => typeof sample !== "number") : undefined;
  if (wrong !== undefined) {
    throw invalidArgument(`${name}: expected numbers, not ${show(wrong)}`);
  }
  return Float32Array.from(row);
}

function checkSamples(channels: readonly Float32Array[], name: string): void {
  const samples = channels[0]?.length ?? 0;
  if (samples === 0) {
    throw new SttError("ERR_INVALID_AUDIO", `${name}: holds no samples`, {
      remedy: "Check that the recording is complete and not empty.",
    });
  }
  for (const channel of channels) {
    if (channel.length !== samples) {
      throw new SttError("ERR_INVALID_AUDIO", `${name}: channels differ in length (${samples} and ${channel.length})`, {
        remedy: "Pass channels of one recording, all of the same length.",
      });
    }
    checkFinite(channel, name);
  }
}

/** Refuses NaN and infinities, naming the first. */
export function checkFinite(samples: Float32Array, name: string): void {
  let sum = 0;
  for (const sample of samples) {
    sum += sample - sample; // 0 for a finite sample, NaN otherwise
  }
  if (sum !== 0) {
    const index = samples.findIndex((sample) => !Number.isFinite(sample));
    throw new SttError("ERR_INVALID_AUDIO", `${name}: sample ${index} is ${samples[index]}, not a finite number`, {
      remedy: "Repair or cut the recording there; a model cannot hear NaN or infinity.",
    });
  }
}
