/** What the decoder packages return, to mono. */
import { channelsToMono } from "./sample-formats.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** The common part of the results of mpg123-decoder, opus-decoder and @wasm-audio-decoders. */
export interface CodecResult {
  readonly channelData: Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly { readonly message: string }[];
}

export function toChunk(result: CodecResult): AudioChunk {
  const channels = result.channelData.map((channel) => channel.subarray(0, result.samplesDecoded));
  return { samples: channelsToMono(channels), rate: result.sampleRate, channels };
}

/** Counts what decoders complain about and tells it once, at the end. */
export class DamageLog {
  #count = 0;
  #first: string | undefined;

  add(message: string): void {
    this.#count++;
    this.#first ??= message;
  }

  addAll(errors: CodecResult["errors"]): void {
    for (const { message } of errors) {
      this.add(message);
    }
  }

  report(context: DecodeContext, what: string): void {
    if (this.#count > 0) {
      const places = this.#count === 1 ? "one place" : `${this.#count} places`;
      context.note("damaged", `${what} is damaged in ${places} (${this.#first}); these parts are missing or wrong`);
    }
  }
}
