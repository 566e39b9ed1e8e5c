/** The operating system's part of decoding, on Node. */
import { fileURLToPath } from "node:url";
import { decodeWithFfmpeg } from "./ffmpeg.node.js";
import { openFile } from "./file-source.node.js";
import type { AudioHost } from "./host.js";

export const nodeAudioHost: AudioHost = { openFile, pathOfUrl: fileURLToPath, decodeWithFfmpeg };
