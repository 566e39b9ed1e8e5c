import type { Channels } from "../index.node.js";

/** --channels: "split", or names separated by commas. */
export function parseChannels(text: string | undefined): Channels | undefined {
  return text === undefined || text === "split" ? text : text.split(",").map((name) => name.trim());
}
