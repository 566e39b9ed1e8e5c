/** The operating system's part of decoding, on Node. */
import { fileURLToPath } from "node:url";
import { decodeWithFfmpeg } from "./ffmpeg.node.js";
import { openFile } from "./file-source.node.js";
import type { AudioHost } from "./host.js";

export const nodeAudioHost: AudioHost = { openFile, pathOfUrl: fileURLToPath, decodeWithFfmpeg, registerMediaServer };

let mediaServer: Promise<boolean> | undefined;

/** Once per process: mediabunny's list of decoders is global, and it warns about entries that come twice. */
function registerMediaServer(): Promise<boolean> {
  mediaServer ??= importMediaServer();
  return mediaServer;
}

async function importMediaServer(): Promise<boolean> {
  // An optional peer: not installed for most, so its name must not be resolved at build time.
  const name: string = "@mediabunny/server";
  try {
    const server: { registerMediabunnyServer(): void } = await import(name);
    server.registerMediabunnyServer();
    return true;
  } catch {
    return false;
  }
}
