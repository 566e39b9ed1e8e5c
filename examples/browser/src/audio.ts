/** Sound in and out of the page: microphone, files, playing. */
import { read_audio, SttError } from "kyutai-stt";
import workletUrl from "./pcm-worklet.js?url";
import { RATE } from "./recording.js";

export interface Microphone {
  /** May be called again. */
  stop(): Promise<void>;
}

/** Samples at RATE, as they come. Rejects with what the user can do about it. */
export async function openMicrophone(onSamples: (samples: Float32Array) => void): Promise<Microphone> {
  // Listening before the microphone is open: the first word is not to be lost.
  // The browser converts to the model's rate.
  const context = new AudioContext({ sampleRate: RATE });
  let media: MediaStream | undefined;
  try {
    await context.audioWorklet.addModule(workletUrl);
    const tap = new AudioWorkletNode(context, "pcm-tap", { numberOfOutputs: 0, channelCount: 1 });
    tap.port.onmessage = ({ data }) => onSamples(data as Float32Array);
    await context.resume();
    media = await askForMicrophone();
    context.createMediaStreamSource(media).connect(tap);
  } catch (error) {
    stopAll(media);
    await context.close();
    throw error;
  }
  return {
    stop: async () => {
      stopAll(media);
      if (context.state !== "closed") {
        await context.close();
      }
    },
  };
}

async function askForMicrophone(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new Error("This page has no microphone: open it by https or on this machine.");
  }
  try {
    // Noise suppression is made for ears; the model hears better without.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === "NotAllowedError";
    throw new Error(
      isRefused
        ? "The microphone was refused. Allow it in the browser's address bar and press again."
        : "No microphone was found. Plug one in, or open a recording.",
    );
  }
}

function stopAll(media: MediaStream | undefined): void {
  for (const track of media?.getTracks() ?? []) {
    track.stop();
  }
}

/** A whole recording at RATE. What the package does not decode, the browser may. */
export async function decodeFile(file: Blob, signal: AbortSignal): Promise<Float32Array> {
  try {
    return await read_audio(file, RATE, { signal, acceptTruncated: true });
  } catch (error) {
    if (!(error instanceof SttError && error.code === "ERR_UNSUPPORTED_AUDIO")) {
      throw error;
    }
    try {
      const context = new OfflineAudioContext(1, 1, RATE);
      return mix(await context.decodeAudioData(await file.arrayBuffer()));
    } catch {
      throw error;
    }
  }
}

function mix(buffer: AudioBuffer): Float32Array {
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    for (const [index, sample] of buffer.getChannelData(channel).entries()) {
      mono[index] = (mono[index] ?? 0) + sample / buffer.numberOfChannels;
    }
  }
  return mono;
}

export interface Playing {
  /** Seconds in the recording. */
  readonly position: number;
  stop(): void;
}

export function play(samples: Float32Array<ArrayBuffer>, from: number, onEnd: () => void): Playing {
  const context = new AudioContext();
  const buffer = context.createBuffer(1, samples.length, RATE);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  const began = context.currentTime;
  let isOver = false;
  const end = (): void => {
    if (!isOver) {
      isOver = true;
      void context.close();
      onEnd();
    }
  };
  source.onended = end;
  source.start(0, from);
  return {
    get position() {
      return from + context.currentTime - began;
    },
    stop: () => {
      source.stop();
      end();
    },
  };
}
