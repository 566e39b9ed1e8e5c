/** Names of channels that are kept apart. */
import { SttError } from "../contract/errors.js";
import { invalidArgument, show } from "../model/option-checks.js";

/** "split": left and right, or channel-1, channel-2, ...; or a name for every channel, in the order of the file. */
export type Channels = "split" | readonly string[];

const MAX_CHANNELS = 32;

export function checkChannels(channels: unknown): void {
  if (channels === undefined || channels === "split") {
    return;
  }
  const isValid =
    Array.isArray(channels) &&
    channels.length > 0 &&
    channels.length <= MAX_CHANNELS &&
    channels.every((label) => typeof label === "string" && label !== "") &&
    new Set(channels).size === channels.length;
  if (!isValid) {
    throw invalidArgument(
      `'channels' must be "split" or an array of different names, not ${show(channels)}`,
      'For example ["agent", "caller"].',
    );
  }
}

/** One name for each of `count` channels. ERR_INVALID_AUDIO: the recording has another number of channels. */
export function channelLabels(channels: Channels, count: number): readonly string[] {
  if (channels === "split") {
    return count === 2 ? ["left", "right"] : Array.from({ length: count }, (_, index) => `channel-${index + 1}`);
  }
  if (channels.length !== count) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      `${channels.length} channels are named, but the recording has ${count} (${channels.join(", ")})`,
      { remedy: 'Name each channel of the recording, or pass channels: "split".' },
    );
  }
  return channels;
}
