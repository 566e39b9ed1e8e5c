/** Samples that the caller decoded. */
import { SttError } from "../contract/errors.js";
import { checkRate, invalidAudio } from "./audio-errors.js";
import { channelsToMono } from "./sample-formats.js";
import type { AudioChunk, DecodeContext, RawAudio } from "./types.js";

// 2^16 samples: small enough that an abort is noticed soon, large enough that the calls do not matter.
const CHUNK_SAMPLES = 65_536;

export async function* decodeRaw(audio: RawAudio, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const channels = checkChannels(audio.samples);
  const { rate } = audio;
  checkRate(context.name, rate);
  const length = channels[0]?.length ?? 0;
  if (channels.some((channel) => channel.length !== length)) {
    throw invalidAudio(
      `${context.name}: channels of different lengths (${channels.map((channel) => channel.length).join(", ")})`,
      "Pass channels of one recording, all of the same length.",
    );
  }
  for (let start = 0; start < length; start += CHUNK_SAMPLES) {
    const parts = channels.map((channel) => channel.subarray(start, start + CHUNK_SAMPLES));
    yield { samples: channelsToMono(parts), rate, channels: parts };
  }
}

function checkChannels(samples: unknown): readonly Float32Array[] {
  const channels: readonly unknown[] = Array.isArray(samples) ? samples : [samples];
  const bad = channels.find((channel) => !(channel instanceof Float32Array));
  if (channels.length === 0 || bad !== undefined) {
    throw new SttError("ERR_INVALID_ARGUMENT", "samples must be a Float32Array or an array of Float32Array", {
      remedy:
        "Convert the samples to Float32Array with values in [-1, 1]; integers must be divided by their full scale.",
    });
  }
  return channels as readonly Float32Array[];
}
