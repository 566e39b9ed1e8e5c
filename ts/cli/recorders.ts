/** The microphone, through whichever recording program is installed. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { SttError } from "../index.node.js";

export interface RecordingRequest {
  /** Hz. */
  readonly rate: number;
  readonly channels: number;
  /** As the recorder names it; undefined: the system's default. */
  readonly device: string | undefined;
}

/** Interleaved s16le. */
export interface Recording {
  readonly program: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends the program; what it recorded until then still comes. */
  stop(): void;
}

interface Recorder {
  readonly program: string;
  args(request: RecordingRequest): string[];
}

/** In the order in which they are tried: sound servers first, as the others may find the device taken by one. */
const RECORDERS: readonly Recorder[] = [
  {
    program: "parec",
    args: ({ rate, channels, device }) => [
      ...["--raw", "--format=s16le", `--rate=${rate}`, `--channels=${channels}`, "--latency-msec=40"],
      ...(device === undefined ? [] : [`--device=${device}`]),
    ],
  },
  {
    program: "pw-record",
    args: ({ rate, channels, device }) => [
      ...["--raw", "--format", "s16", "--rate", `${rate}`, "--channels", `${channels}`, "--latency", "40ms"],
      ...(device === undefined ? [] : ["--target", device]),
      "-",
    ],
  },
  {
    program: "arecord",
    args: ({ rate, channels, device }) => [
      ...["-q", "-t", "raw", "-f", "S16_LE", "-r", `${rate}`, "-c", `${channels}`],
      ...(device === undefined ? [] : ["-D", device]),
    ],
  },
  {
    program: "rec",
    args: ({ rate, channels }) => [
      ...["-q", "-t", "raw", "-e", "signed-integer", "-b", "16", "-L", "-r", `${rate}`, "-c", `${channels}`, "-"],
    ],
  },
  {
    program: "ffmpeg",
    args: ({ rate, channels, device }) => [
      ...["-hide_banner", "-nostdin", "-loglevel", "error", ...ffmpegInput(device)],
      ...["-f", "s16le", "-ar", `${rate}`, "-ac", `${channels}`, "pipe:1"],
    ],
  },
];

/** The device that ffmpeg calls the default one, where the system has such a thing. */
function ffmpegInput(device: string | undefined): string[] {
  switch (process.platform) {
    case "darwin":
      return ["-f", "avfoundation", "-i", `:${device ?? "default"}`];
    case "win32":
      return ["-f", "dshow", "-i", `audio=${device ?? "default"}`];
    default:
      return ["-f", "pulse", "-i", device ?? "default"];
  }
}

const MAX_MESSAGE = 500;

/** The first recorder that gives audio. ERR_INVALID_AUDIO names them all, with what is wrong with each. */
export async function openMicrophone(request: RecordingRequest, signal: AbortSignal): Promise<Recording> {
  const failures: string[] = [];
  for (const { program, args } of RECORDERS) {
    const attempt = await startRecorder(program, args(request), signal);
    if (typeof attempt !== "string") {
      return attempt;
    }
    failures.push(`${program}: ${attempt}`);
  }
  throw new SttError("ERR_INVALID_AUDIO", `no program could record the microphone (${failures.join("; ")})`, {
    remedy: `Install one of ${RECORDERS.map(({ program }) => program).join(", ")}, check --device, or pipe PCM into --stdin.`,
  });
}

type RecorderProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Resolves when audio has come, or to the reason why none will. */
function startRecorder(program: string, args: string[], signal: AbortSignal): Promise<Recording | string> {
  return new Promise((resolve) => {
    // Its own process group: Ctrl-C in the terminal is for us to pass on, after which the last audio is still read.
    const child: RecorderProcess = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    let message = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      message = (message + text).slice(-MAX_MESSAGE);
    });
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop, { once: true });
    child.once("error", (error) => {
      signal.removeEventListener("abort", stop);
      resolve("code" in error && error.code === "ENOENT" ? "is not installed" : error.message);
    });
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      resolve(message.trim().replace(/\s+/g, " ") || `ended without audio (status ${code})`);
    });
    child.stdout.once("readable", () => {
      // At the end of a program that gave nothing, too: that is for "close" to tell.
      if (child.stdout.readableLength > 0) {
        resolve({ program, chunks: child.stdout, stop });
      }
    });
  });
}
