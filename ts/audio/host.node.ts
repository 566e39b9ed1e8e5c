/** The operating system's part of decoding, on Node. */
import { fileURLToPath } from "node:url";
import { decodeWithFfmpeg } from "./ffmpeg.node.js";
import { openFile } from "./file-source.node.js";
import type { AudioHost } from "./host.js";

export const nodeAudioHost: AudioHost = { openFile, pathOfUrl: fileURLToPath, decodeWithFfmpeg, registerMediaServer };

async function registerMediaServer(): Promise<boolean> {
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
