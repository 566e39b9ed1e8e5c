/** One run: audio into a live session, its events into the recording. */
import type { LiveSession, SpeechToText } from "kyutai-stt";
import { RATE, type Recording } from "./recording.js";

/** Seconds of a file handed over at once. */
const PORTION = 1;

export interface Run {
  readonly recording: Recording;
  /** Resolves when everything is transcribed; rejects when it failed or was cancelled. */
  readonly done: Promise<void>;
  write(samples: Float32Array): void;
  /** No more audio will come. */
  finish(): void;
  cancel(): void;
}

/** Audio that comes by itself. `onChange`: after every event; `words` have changed or not. */
export async function start(
  stt: SpeechToText,
  recording: Recording,
  onChange: (words: boolean) => void,
  signal: AbortSignal,
): Promise<Run> {
  const session = await stt.createSession({ rate: RATE, vad: true, progress: true, maxQueuedSeconds: 30, signal });
  const done = follow(session, recording, onChange);
  // Whoever waits for it is told; nobody else has to.
  done.catch(() => {});
  let isFinished = false;
  return {
    recording,
    done,
    write: (samples) => {
      // The last samples may still be on their way when the microphone is off.
      if (!isFinished && session.state !== "closed") {
        recording.add(samples.slice());
        void session.write(samples);
      }
    },
    finish: () => {
      isFinished = true;
      void session.end();
    },
    cancel: () => session.abort(),
  };
}

/** A file that is there already: as fast as this machine can. */
export async function transcribeAll(
  stt: SpeechToText,
  recording: Recording,
  samples: Float32Array,
  onChange: (words: boolean) => void,
  onProgress: (heard: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const session = await stt.createSession({ rate: RATE, vad: true, progress: true, maxQueuedSeconds: 4, signal });
  const done = follow(session, recording, onChange, onProgress);
  done.catch(() => {});
  for (let at = 0; at < samples.length; at += PORTION * RATE) {
    await session.write(samples.subarray(at, at + PORTION * RATE));
  }
  void session.end();
  await done;
}

async function follow(
  session: LiveSession,
  recording: Recording,
  onChange: (words: boolean) => void,
  onProgress?: (heard: number) => void,
): Promise<void> {
  for await (const event of session) {
    if (event.type === "progress") {
      onProgress?.(event.heard);
    }
    onChange(recording.take(event));
  }
}
